#pragma once
/// One node of the demo: a real `mosaik node` process, watched through the lines that it prints.

#include <sys/types.h>

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <mosaik/types/id.hpp>
#include <mosaik/types/result.hpp>

#include "control/json.hpp"
#include "posix/descriptor.hpp"
#include "process/line_io.hpp"

namespace mosaik::command {

using DemoClock = std::chrono::steady_clock;

/// What all nodes of a demo share.
struct DemoGround {
  std::string directory;  ///< of keys, control sockets and logs; ours alone
  std::string secret;     ///< of the group; handed on in the environment only
};

class DemoNode {
 public:
  enum class State { off, starting, up, killed, left };
  /// How and when the end of a bond was told.
  struct Loss {
    DemoClock::time_point at;
    std::string by;
    std::string reason;
  };

  /// What the process has answered to a command.
  struct Reply {
    DemoClock::time_point at;
    std::string tag;  ///< JSON, as ok is
    std::string ok;
    std::string error;
    std::string code;
  };

  DemoNode(const DemoGround& ground, std::size_t number) : ground_(&ground), number_(number) {}
  DemoNode(const DemoNode&) = delete;
  DemoNode& operator=(const DemoNode&) = delete;
  /// Ends the process at once.
  ~DemoNode();

  /// Starts the process; it finds the others through `contact`, if that is not empty. Errors: io.
  [[nodiscard]] Result<> start(const std::string& contact);
  void send_signal(int number);
  void expect(State state) { state_ = state; }
  /// Sends a JSON command; its reply comes among the lines.
  void say(std::string_view command);
  [[nodiscard]] std::vector<Reply> take_replies() { return std::exchange(replies_, {}); }
  /// Reads what the process has printed; call when descriptor() is readable.
  void take_lines();
  /// Waits for the end of the process: its exit code, 128 and more for a signal. Kills it after `limit`.
  int reap(std::chrono::milliseconds limit);

  [[nodiscard]] int descriptor() const noexcept { return output_ ? output_->descriptor() : -1; }
  [[nodiscard]] std::size_t number() const noexcept { return number_; }
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] bool is_running() const noexcept { return state_ == State::starting || state_ == State::up; }
  /// The process has closed its output though nobody asked it to end.
  [[nodiscard]] bool has_failed() const noexcept { return is_running() && !output_; }
  [[nodiscard]] const PeerId& id() const noexcept { return id_; }
  [[nodiscard]] const std::string& contact() const noexcept { return contact_; }
  [[nodiscard]] const std::string& control() const noexcept { return control_; }
  [[nodiscard]] const std::set<PeerId>& bonds() const noexcept { return bonds_; }
  /// Who leads, as this node says; the zero id: nobody.
  [[nodiscard]] const PeerId& leader() const noexcept { return leader_; }
  /// The last end of a bond with `peer` since forget_losses().
  [[nodiscard]] const Loss* loss_of(const PeerId& peer) const;
  void forget_losses() { losses_.clear(); }
  /// The last line of its log.
  [[nodiscard]] std::string last_log_line() const;

 private:
  [[nodiscard]] std::string file(const char* ending) const;
  void on_line(const control::json::Line& line);

  const DemoGround* ground_;
  std::size_t number_;
  State state_ = State::off;
  pid_t pid_ = -1;
  Descriptor input_pipe_;
  Descriptor output_pipe_;
  std::optional<LineReader> output_;
  PeerId id_;
  std::string contact_;
  std::string control_;
  std::set<PeerId> bonds_;
  PeerId leader_;
  std::vector<Reply> replies_;
  std::map<PeerId, Loss> losses_;
};

using DemoNodes = std::deque<DemoNode>;  ///< they stay where they are

}  // namespace mosaik::command
