#include "runtime/loop_thread.hpp"

#include <utility>

#include "posix/thread.hpp"
#include "runtime/poller.hpp"

namespace mosaik::runtime {

Result<std::unique_ptr<LoopThread>> LoopThread::open(std::unique_ptr<node::Node> node, std::vector<udp::Socket> sockets,
                                                     SentinelSockets sentinels, Publisher& publisher,
                                                     LoopOptions options) {
  auto inbox = Inbox::open();
  if (!inbox) return std::unexpected(inbox.error());
  auto poller = Poller::open();
  if (!poller) return std::unexpected(poller.error());
  auto fresh = FreshSockets::open();
  if (!fresh) return std::unexpected(fresh.error());
  std::unique_ptr<LoopThread> out(new LoopThread);
  out->inbox_ = *inbox;
  out->loop_ = std::make_unique<Loop>(std::move(node), std::move(sockets), std::move(sentinels), publisher, *inbox,
                                      std::move(*poller), std::move(*fresh), std::move(options));
  if (auto watched = out->loop_->watch(); !watched) return std::unexpected(watched.error());
  auto thread = start_thread("mosaik-loop", [self = out.get()] {
    self->loop_->run();
    self->inbox_->end();
  });
  if (!thread) return std::unexpected(thread.error());
  out->thread_ = std::move(*thread);
  return out;
}

LoopThread::~LoopThread() {
  if (mark_.forked()) {
    // Neither can be destroyed without the thread.
    static_cast<void>(loop_.release());
    static_cast<void>(new std::thread(std::move(thread_)));
    static_cast<void>(new std::shared_ptr<Inbox>(std::move(inbox_)));
    return;
  }
  stop();
}

void LoopThread::post(Request request) {
  if (mark_.forked()) return request(nullptr);
  inbox_->post(std::move(request));
}

void LoopThread::stop() {
  if (!thread_.joinable() || mark_.forked()) return;
  post([this](RequestDispatcher* dispatcher) {
    if (dispatcher != nullptr) loop_->leave_all_and_end();
  });
  thread_.join();
  loop_.reset();
}

}  // namespace mosaik::runtime
