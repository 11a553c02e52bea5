#pragma once
/// What stands behind the handles: the loop, the publisher, the control socket, and their order of birth and death.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include <mosaik/network.hpp>

#include "control/server.hpp"
#include "runtime/key_file.hpp"
#include "runtime/loop_thread.hpp"
#include "runtime/publisher.hpp"

namespace mosaik::api {

/// What the delivery thread may take to end: with the loop's 600 ms, close() ends within the promised second.
inline constexpr Nanoseconds delivery_limit = 300ms;

[[nodiscard]] inline std::unexpected<Error> network_closed() {
  return fail(Errc::closed, "the network is closed");
}

class NetworkBody final : public control::Source, public std::enable_shared_from_this<NetworkBody> {
 public:
  /// Errors: see Network::open.
  [[nodiscard]] static Result<std::shared_ptr<NetworkBody>> open(const NetworkConfig& config);
  NetworkBody(const NetworkBody&) = delete;
  NetworkBody& operator=(const NetworkBody&) = delete;
  ~NetworkBody();

  [[nodiscard]] const PeerId& id() const noexcept { return id_; }
  /// The newest snapshot; asks the loop for a fresh one, for those who read again.
  [[nodiscard]] runtime::Snapshot snapshot();
  void post(runtime::Request request) { loop_->post(std::move(request)); }
  /// A call on a group with a machine; on a closed network it ends at once.
  void call(const GroupId& group, consensus::Call call, Nanoseconds time, runtime::Completion done);
  [[nodiscard]] runtime::Publisher& publisher() noexcept { return *publisher_; }
  /// Completes when the node was asked to leave (through the control socket) and has left, or is closed.
  [[nodiscard]] Future<std::monostate> ended() const;
  /// The control socket answers from now on.
  void answer_control();
  /// Leaves all groups; see Network::leave.
  Future<Result<>> leave_within(Nanoseconds wait);
  Future<Result<>> forget(const PeerId& peer);
  void close();

  // control::Source.
  std::shared_ptr<const NodeStatus> status() override;
  std::shared_ptr<const NodeStatus> fresh_status() override;
  Subscription subscribe(std::function<void(const Event&)> call) override;
  void leave() override;
  Result<> forget_at_once(const PeerId& peer) override;
  void warn(const std::string& text) override;
  std::shared_ptr<void> call(control::Call call, control::CallDone done) override;

 private:
  std::shared_ptr<void> wait_committed(const control::Call& call, control::CallDone done);

  NetworkBody(const PeerId& id, std::optional<runtime::KeyFile> key_file, std::unique_ptr<runtime::Publisher> publisher,
              std::unique_ptr<runtime::LoopThread> loop);

  runtime::ForkMark mark_;
  PeerId id_;
  std::optional<runtime::KeyFile> key_file_;  // held: locked as long as the node may speak
  std::unique_ptr<runtime::Publisher> publisher_;
  std::unique_ptr<runtime::LoopThread> loop_;
  std::unique_ptr<control::Server> server_;
  const std::chrono::steady_clock::time_point opened_ = std::chrono::steady_clock::now();
  // Before the server opens; never changed afterwards.
  const std::string run_;  ///< names this run
  Crashes crashes_;
  Nanoseconds leave_wait_{};
  Promise<std::monostate> ended_;
  std::mutex closing_;
};

/// A group that was joined through one handle.
class GroupBody {
 public:
  GroupBody(std::shared_ptr<NetworkBody> network, const GroupId& id) : network_(std::move(network)), id_(id) {}

  [[nodiscard]] const GroupId& id() const noexcept { return id_; }
  [[nodiscard]] NetworkBody& network() const noexcept { return *network_; }
  /// The group in a snapshot; null when it is left, or being left.
  [[nodiscard]] const GroupStatus* in(const NodeStatus& status) const noexcept;
  Future<Result<>> leave();

 private:
  std::shared_ptr<NetworkBody> network_;
  GroupId id_;
  std::atomic<bool> left_ = false;
  Promise<Result<>> done_;
};

}  // namespace mosaik::api
