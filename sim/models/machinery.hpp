#pragma once
/// Machinery: what the runtime does for a group with a machine, in one run of a process. It carries out the actions of
/// the engine: the machine works in its own time, the store syncs in the disk's, calls end.
///
/// The machine is a list of numbers, one a command, so that a whole history can be compared. Its answer to a query is
/// how many it has, and a hash over them.

#include <deque>
#include <memory>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "node/node.hpp"

namespace mosaik::sim {

/// A command of the workload.
using Number = std::uint64_t;
/// Commands with this bit are larger than a datagram.
inline constexpr Number large_command = Number{1} << 40U;
[[nodiscard]] Blob command_of(Number number);
[[nodiscard]] Number number_of(BytesView command);

/// What a machine answers: its history up to a place, in short.
struct Answer {
  std::uint64_t count = 0;
  std::uint64_t hash = 0;
  friend bool operator==(const Answer&, const Answer&) = default;
};
/// The hash of a history that goes on.
[[nodiscard]] std::uint64_t hash_on(std::uint64_t hash, Number number) noexcept;

/// The machine has applied these behind the place `before`.
struct Applied {
  Index before;
  std::vector<Number> numbers;
};
/// The engine put the machine back to the beginning.
struct StartedOver {};
/// The group was left: another engine and another machine come next.
struct LeftBehind {};
struct CallEnded {
  consensus::CallId call;
  consensus::Outcome outcome;
  Mono at;  ///< by the clock of the process
};
using MachineNews = std::variant<Applied, StartedOver, LeftBehind, CallEnded>;

/// Names what an engine has handed over; a process may have one engine after another.
struct LogTicket {
  std::uint64_t engine = 0;
  consensus::Ticket ticket;
};
/// What the store is asked to keep, as one record of the file.
struct LogRecord {
  LogTicket ticket;
  std::vector<std::uint8_t> bytes;
};
/// What a store gives back that has these records.
[[nodiscard]] consensus::Restored restore(const std::vector<std::vector<std::uint8_t>>& records);

class Machinery {
 public:
  /// `slowest`: what a run of commands costs the machine at most; 0: it works in line.
  Machinery(node::Node& node, Rng rng, Nanoseconds slowest) : node_(node), rng_(rng), slowest_(slowest) {}

  void on_effects(const Now& now, node::GroupActions& output);
  /// The machine works until now; what it has done goes to the node.
  void turn(const Now& now);
  [[nodiscard]] Mono next_deadline() const noexcept { return work_.empty() ? never : busy_until_; }
  /// The group is left: what waits is for an engine that is no more, and the next one begins with an empty machine.
  void forget();

  [[nodiscard]] std::vector<LogRecord> take_records() { return std::exchange(records_, {}); }
  [[nodiscard]] std::vector<MachineNews> take_news() { return std::exchange(news_, {}); }
  void on_persisted(const Now& now, const LogTicket& ticket);
  [[nodiscard]] const std::vector<Number>& values() const noexcept { return values_; }

 private:
  using Work = std::variant<consensus::Apply, consensus::Reset, consensus::AskMachine>;
  void do_work(const Now& now, Work& work);
  void plan(const Now& now);

  node::Node& node_;
  Rng rng_;
  Nanoseconds slowest_;
  GroupId group_;
  std::uint64_t engine_ = 1;
  std::deque<Work> work_;
  Mono busy_until_{};
  std::vector<Number> values_;
  std::uint64_t hash_ = 0;
  std::vector<LogRecord> records_;
  std::vector<MachineNews> news_;
};

}  // namespace mosaik::sim
