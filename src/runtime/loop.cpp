#include "runtime/loop.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/limits.hpp"
#include "runtime/clock.hpp"
#include "runtime/desk.hpp"
#include "runtime/sockets.hpp"
#include "runtime/thread.hpp"

namespace mosaik::runtime {
namespace {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

constexpr int rounds_at_once = 4;
constexpr Nanoseconds departure_limit = limits::departure_flush + 100ms;

/// Tells when a descriptor of somebody else's is ready; each wait is armed again once it has ended.
class Readiness {
 public:
  Readiness(boost::asio::io_context& context, int fd) : descriptor_(context, fd) {}
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;
  ~Readiness() { descriptor_.release(); }

  /// `wake` is copied and must not throw.
  template <class Wake>
  void arm(stream_descriptor::wait_type what, Wake wake) {
    bool& armed = armed_[static_cast<std::size_t>(what)];
    if (std::exchange(armed, true)) return;
    descriptor_.async_wait(what, [&armed, wake](const error_code& error) {
      if (error) return;  // released: the loop has ended
      armed = false;
      wake();
    });
  }

 private:
  stream_descriptor descriptor_;
  bool armed_[3] = {};
};

}  // namespace

class Loop::Impl {
 public:
  Impl(std::unique_ptr<node::Node> node, std::vector<udp::Socket> sockets, Outlet& outlet, std::shared_ptr<Inbox> inbox)
      : inbox_(std::move(inbox)),
        node_(std::move(node)),
        sockets_(std::move(sockets)),
        desk_(*node_, outlet, inbox_),
        wake_(context_, inbox_->wake_fd()) {
    for (udp::Socket& socket : sockets_.all()) ready_.push_back(std::make_unique<Readiness>(context_, socket.fd()));
  }

  void run() {
    node_->start(now_);
    turn();
    while (!ended_) {
      context_.run_one();
      if (std::exchange(turn_due_, false)) turn();
    }
    desk_.end();
  }

  /// On the loop's thread.
  void leave_all_and_end() {
    leaving_until_ = now_.mono + departure_limit;
    desk_.leave_all([] {});
  }

 private:
  void turn() {
    for (int left = rounds_at_once; left > 0; --left)
      if (!round(left)) break;
    if (leaving_until_ && (!desk_.in_any_group() || now_.mono >= *leaving_until_)) ended_ = true;
    desk_.finish_turn();
    if (!ended_) arm();
  }

  /// True when there was anything to do: then there may be more.
  bool round(int left) {
    now_ = read_clock();
    desk_.set_now(now_);
    bool busy = run_requests();
    const Drained drained = sockets_.receive(now_, *node_);
    busy |= drained != Drained::nothing;
    // Errors tell with the next turn at the latest: the wait for them stays armed.
    if (left == rounds_at_once) busy |= sockets_.receive_errors(now_, *node_);
    node_->settle(now_);
    if (node_->next_deadline() <= now_.mono && (drained != Drained::partly || left == 1)) {
      node_->on_timer(now_);
      node_->settle(now_);
      busy = true;
    }
    sockets_.transmit(now_, *node_);
    busy |= desk_.take_outputs();
    return busy;
  }

  bool run_requests() {
    std::vector<Request> requests = inbox_->take();
    for (Request& request : requests) request(&desk_);
    return !requests.empty();
  }

  void arm() {
    const auto wake = [this] { turn_due_ = true; };
    for (std::size_t i = 0; i < ready_.size(); ++i) {
      ready_[i]->arm(stream_descriptor::wait_read, wake);
      ready_[i]->arm(stream_descriptor::wait_error, wake);
      if (sockets_.blocked() == &sockets_.all()[i]) ready_[i]->arm(stream_descriptor::wait_write, wake);
    }
    wake_.arm(stream_descriptor::wait_read, [this] {
      inbox_->acknowledge();
      turn_due_ = true;
    });
    arm_timer(std::min({node_->next_deadline(), desk_.next_publication(), leaving_until_.value_or(never)}));
  }

  /// A timer that is set too early costs one idle turn, one that is set anew costs a cancelled wait; deadlines mostly
  /// move on, so only an earlier one sets it anew.
  void arm_timer(Mono at) {
    if (at >= timer_at_) return;
    timer_at_ = at;
    timer_.expires_at(to_steady(at));
    timer_.async_wait([this](const error_code& error) {
      if (error) return;
      timer_at_ = never;
      turn_due_ = true;
    });
  }

  boost::asio::io_context context_{1};
  std::shared_ptr<Inbox> inbox_;
  std::unique_ptr<node::Node> node_;
  Sockets sockets_;
  Desk desk_;
  Readiness wake_;
  std::vector<std::unique_ptr<Readiness>> ready_;  // of sockets_, in their order
  boost::asio::steady_timer timer_{context_};
  Mono timer_at_ = never;
  Now now_ = read_clock();
  std::optional<Mono> leaving_until_;
  bool turn_due_ = false;
  bool ended_ = false;
};

Result<std::unique_ptr<Loop>> Loop::open(std::unique_ptr<node::Node> node, std::vector<udp::Socket> sockets,
                                         Outlet& outlet) {
  auto inbox = Inbox::open();
  if (!inbox) return std::unexpected(inbox.error());
  std::unique_ptr<Loop> out(new Loop);
  out->inbox_ = *inbox;
  try {
    out->impl_ = std::make_unique<Impl>(std::move(node), std::move(sockets), outlet, *inbox);
  } catch (const boost::system::system_error& error) {
    return fail(Errc::io, std::string("cannot start the network loop: ") + error.what());
  }
  auto thread = start_thread("mosaik-loop", [loop = out.get()] {
    loop->impl_->run();
    loop->inbox_->end();
  });
  if (!thread) return std::unexpected(thread.error());
  out->thread_ = std::move(*thread);
  return out;
}

Loop::~Loop() {
  stop();
}

void Loop::stop() {
  if (!thread_.joinable()) return;
  post([this](Step* step) {
    if (step != nullptr) impl_->leave_all_and_end();
  });
  thread_.join();
  impl_.reset();
}

}  // namespace mosaik::runtime
