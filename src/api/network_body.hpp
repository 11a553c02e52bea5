#pragma once
/// What stands behind the handles: the loop, the publisher, and their order of birth and death.

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include <mosaik/network.hpp>

#include "runtime/forks.hpp"
#include "runtime/key_file.hpp"
#include "runtime/loop_thread.hpp"
#include "runtime/publisher.hpp"

namespace mosaik::api {

/// What the delivery thread may take to end: with the loop's 600 ms, close() ends within the promised second.
inline constexpr Nanoseconds delivery_limit = 300ms;

[[nodiscard]] inline std::unexpected<Error> network_closed() {
  return fail(Errc::closed, "the network is closed");
}

class NetworkBody : public std::enable_shared_from_this<NetworkBody> {
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
  /// The newest snapshot, with the time that has passed since.
  [[nodiscard]] NodeStatus status();
  /// See NetworkRef::fresh_status.
  [[nodiscard]] NodeStatus fresh_status(Nanoseconds patience);
  [[nodiscard]] Subscription subscribe(std::function<void(const Event&)> call);
  [[nodiscard]] Subscription trace(TraceFilter filter, std::function<void(const TraceRecord&)> call);
  void notify(const std::string& text);
  /// Completes when the node was asked to leave with Leaving::for_good and has left, or is closed.
  [[nodiscard]] Future<std::monostate> ended() const;
  enum class Leaving : std::uint8_t { groups, for_good };
  /// Leaves all groups; see Network::leave.
  Future<Result<>> leave_within(Nanoseconds wait, Leaving leaving);
  Future<Result<>> forget(const PeerId& peer);
  void close();

 private:
  NetworkBody(const PeerId& id, std::optional<runtime::KeyFile> key_file, std::unique_ptr<runtime::Publisher> publisher,
              std::unique_ptr<runtime::LoopThread> loop);

  runtime::ForkMark mark_;
  PeerId id_;
  std::optional<runtime::KeyFile> key_file_;  // held: locked as long as the node may speak
  std::unique_ptr<runtime::Publisher> publisher_;
  std::unique_ptr<runtime::LoopThread> loop_;
  const std::chrono::steady_clock::time_point opened_ = std::chrono::steady_clock::now();
  Crashes crashes_;  ///< never changed after open()
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
