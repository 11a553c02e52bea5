#pragma once
/// ExecutorHandle: lets work in from other threads for as long as the server lives. Private to the room: it shows
/// Boost.Asio.

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <mutex>
#include <utility>

namespace mosaik::control {

class ExecutorHandle {
 public:
  explicit ExecutorHandle(boost::asio::io_context& context) : context_(&context) {}

  /// Runs `task` on the server's thread, or drops it when the server is gone.
  template <class Task>
  void post(Task task) {
    const std::scoped_lock lock(mutex_);
    if (context_ != nullptr) boost::asio::post(*context_, std::move(task));
  }
  void close() {
    const std::scoped_lock lock(mutex_);
    context_ = nullptr;
  }

 private:
  std::mutex mutex_;
  boost::asio::io_context* context_;
};

}  // namespace mosaik::control
