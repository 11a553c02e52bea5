#pragma once
/// The network between hosts: datagrams are delayed, lost (alone or in bursts), duplicated, replayed, reordered,
/// corrupted, squeezed through a rate with a queue, held up by a clog, or cut off. Each direction of each pair has its
/// own state and its own stream of chance, so that a change in one place does not shift the others.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include <mosaik/types/address.hpp>
#include <mosaik/types/bytes.hpp>

#include "base/random.hpp"
#include "sim/world/scheduler.hpp"

namespace mosaik::sim {

/// Names a host of the world by its place in the list.
struct HostId {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(const HostId&, const HostId&) noexcept = default;
};

/// A chance in parts per million.
using Ppm = std::uint64_t;

/// How one direction behaves.
struct Weather {
  Nanoseconds delay = 1ms;
  Nanoseconds jitter = 200us;  ///< around `delay`; datagrams overtake one another by it
  Ppm loss = 0;
  Ppm burst = 0;  ///< a burst of loss begins; it ends with a chance of 1 in 8 a datagram
  Ppm duplicate = 0;
  Ppm replay = 0;                    ///< an old datagram comes once more
  Ppm corrupt = 0;                   ///< one bit is another
  std::uint64_t bytes_a_second = 0;  ///< 0: no limit
  std::uint64_t queue_bytes = 64U << 10U;
};

struct NetworkCounters {
  std::uint64_t sent = 0, delivered = 0, lost = 0, cut = 0, duplicated = 0, replayed = 0, corrupted = 0, overflowed = 0;
  std::uint64_t unrouted = 0, too_large = 0, swallowed = 0;  ///< in a world with routes
};

class Network {
 public:
  struct Datagram {
    HostId from;
    HostId to;
    SocketAddress source;  ///< as the receiver sees it
    std::vector<std::uint8_t> bytes;
    SocketAddress local{};   ///< the receiver's own
    SocketAddress dialed{};  ///< where the sender has sent it
    bool listens = true;     ///< a socket of the receiver has the port
  };
  using Deliver = std::function<void(Datagram)>;

  Network(Scheduler& scheduler, const Rng& rng, Deliver deliver)
      : scheduler_(scheduler), rng_(rng.fork("network")), deliver_(std::move(deliver)) {}

  /// Of every direction that has no weather of its own.
  void set_weather(const Weather& weather) { weather_ = weather; }
  [[nodiscard]] const Weather& weather() const noexcept { return weather_; }
  void set_weather(HostId from, HostId to, const Weather& weather) { path(from, to).own = weather; }
  void clear_weather(HostId from, HostId to) { path(from, to).own.reset(); }

  /// Cuts are counted, because faults overlap: what two have cut, both must heal.
  void cut(HostId from, HostId to) {
    ++path(from, to).cuts;
    ++changes_;
  }
  void heal(HostId from, HostId to);
  [[nodiscard]] bool is_cut(HostId from, HostId to) const;
  /// What is sent in this time is held up and comes at its end.
  void clog(HostId from, HostId to, Nanoseconds span) { path(from, to).clogged_until = scheduler_.now() + span; }
  void heal_all();

  /// Counts what routes have lost.
  void note_lost(std::uint64_t NetworkCounters::* which) { ++(counters_.*which); }
  /// Sends at `departure`, which is not earlier than now.
  void send(Mono departure, Datagram datagram);
  /// Sends once more what went from one host to the other before `until`: an earlier incarnation's frames, most of all.
  std::size_t replay(HostId from, HostId to, std::size_t most);

  /// The newest datagram of this direction; empty when there was none.
  [[nodiscard]] std::vector<std::uint8_t> last_sent(HostId from, HostId to) const;
  /// When what a squeeze or a clog keeps back in this direction has left: a host may be dead by then.
  [[nodiscard]] Mono drained_at(HostId from, HostId to) const;

  /// Counts cuts and heals.
  [[nodiscard]] std::uint64_t changes() const noexcept { return changes_; }
  [[nodiscard]] const NetworkCounters& counters() const noexcept { return counters_; }

 private:
  static constexpr std::size_t remembered = 32;
  struct Path {
    explicit Path(const Rng& stream) : rng(stream) {}
    Rng rng;
    std::optional<Weather> own;
    unsigned cuts = 0;
    bool in_burst = false;
    Mono clogged_until{};
    Mono free_at{};  ///< when the last byte of what was sent has left
    std::vector<Datagram> past;
    std::size_t newest = 0;
    std::size_t next_past = 0;
  };

  Path& path(HostId from, HostId to);
  [[nodiscard]] bool is_lost(Path& way, const Weather& weather);
  [[nodiscard]] static bool chance(Rng& rng, Ppm ppm) { return ppm != 0 && rng.below(1'000'000) < ppm; }
  void remember(Path& way, const Datagram& datagram);
  void travel(Path& way, const Weather& weather, Mono departure, Datagram datagram);

  Scheduler& scheduler_;
  Rng rng_;
  Deliver deliver_;
  Weather weather_;
  std::map<std::pair<HostId, HostId>, Path> paths_;
  NetworkCounters counters_;
  std::uint64_t changes_ = 0;
};

}  // namespace mosaik::sim
