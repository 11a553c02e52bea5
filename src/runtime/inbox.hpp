#pragma once
/// The way into the loop: a mailbox of requests and a wakeup that wakes the loop when another thread has posted.
/// Shared, so that a name server's late answer finds something to talk to when the loop has ended.

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <mosaik/types/result.hpp>

#include "posix/wakeup.hpp"
#include "runtime/mailbox.hpp"

namespace mosaik::runtime {

class RequestDispatcher;

/// Runs on the loop's thread. The dispatcher is null when the loop has ended (then it runs on any thread): whoever
/// waits for an answer gets Errc::closed.
using Request = std::move_only_function<void(RequestDispatcher*)>;

class Inbox {
 public:
  /// Errors: limit, io.
  [[nodiscard]] static Result<std::shared_ptr<Inbox>> open();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;
  ~Inbox() = default;

  /// From any thread. Every request is run exactly once.
  void post(Request request);

  // The loop's side.
  [[nodiscard]] int wake_fd() const noexcept { return wakeup_.fd(); }
  /// Call when wake_fd() was readable, before take().
  void acknowledge() noexcept { wakeup_.quiet(); }
  [[nodiscard]] std::vector<Request> take();
  /// From here on the calling thread is the loop's: what it posts itself wakes nobody.
  void adopt() noexcept;
  /// The loop's thread has posted since the last take(): it must not sleep.
  [[nodiscard]] bool has_own() const noexcept { return own_; }
  /// Runs what is left, and from now on whatever is posted, with no dispatcher.
  void end();

 private:
  explicit Inbox(Wakeup wakeup) noexcept : wakeup_(std::move(wakeup)) {}
  Wakeup wakeup_;
  std::atomic<bool> ended_ = false;
  bool own_ = false;  // the loop's own
  Mailbox<Request> requests_;
};

}  // namespace mosaik::runtime
