#include "runtime/loop.hpp"

#include <algorithm>
#include <utility>

#include "base/limits.hpp"

namespace mosaik::runtime {
namespace {

constexpr int timer_put_off_most = 3;  // turns that a flood of datagrams may come before a timer
constexpr Nanoseconds departure_limit = limits::departure_flush + 100ms;
// News of interfaces come in bursts, and a route often a moment after the address that it is for.
constexpr Nanoseconds look_pause = 100ms;
constexpr Nanoseconds second_look = 2s;
constexpr Nanoseconds look_unwatched = 1min;

const Poller::Ready* find(std::span<const Poller::Ready> ready, std::size_t key) {
  const auto found = std::ranges::find(ready, key, &Poller::Ready::key);
  return found == ready.end() ? nullptr : &*found;
}

}  // namespace

Loop::Loop(std::unique_ptr<node::Node> node, std::vector<udp::Socket> sockets, SentinelSockets sentinels,
           Publisher& publisher, std::shared_ptr<Inbox> inbox, Poller poller, FreshSockets fresh, LoopOptions options)
    : inbox_(std::move(inbox)),
      node_(std::move(node)),
      fresh_(std::move(fresh)),
      sockets_(std::move(sockets), fresh_),
      sentinels_(std::move(sentinels)),
      dispatcher_(*node_, sentinels_, publisher, inbox_, std::move(options.state_file), options.saved),
      poller_(std::move(poller)),
      inbox_key_(sockets_.all().size()),
      interfaces_key_(inbox_key_ + 1),
      sentinels_key_(inbox_key_ + 2),
      fresh_key_(inbox_key_ + 3),
      addresses_(std::move(options.addresses)) {}

Result<> Loop::watch() {
  for (std::size_t i = 0; i < sockets_.all().size(); ++i)
    if (auto added = poller_.add(sockets_.all()[i].fd(), i); !added) return added;
  if (auto watched = watch_interfaces(); !watched) return watched;
  if (sentinels_.fd() >= 0)
    if (auto added = poller_.add(sentinels_.fd(), sentinels_key_); !added) return added;
  if (auto added = poller_.add(fresh_.fd(), fresh_key_); !added) return added;
  return poller_.add(inbox_->wake_fd(), inbox_key_);
}

void Loop::run() {
  inbox_->adopt();
  node_->start(now_);
  turn({});
  while (!ended_) turn(poller_.wait(wake_at()));
  dispatcher_.end();
}

void Loop::leave_all_and_end() {
  leaving_until_ = now_.mono + departure_limit;
  dispatcher_.leave_all([] {});
}

Result<> Loop::watch_interfaces() {
  if (!addresses_) return {};
  look_due_ = now_.mono;  // what changed since they were first asked for was no news
  auto watch = udp::InterfaceWatch::open();
  if (!watch) {
    node_->warn(now_, "the addresses of this computer cannot be watched (AF_NETLINK: " + watch.error().message +
                          "), and are looked at once a minute; allow it (systemd: RestrictAddressFamilies=AF_NETLINK "
                          "AF_INET AF_INET6 AF_UNIX), or name them with --advertise or --listen IP:PORT");
    return {};
  }
  interfaces_.emplace(std::move(*watch));
  return poller_.add(interfaces_->fd(), interfaces_key_);
}

void Loop::follow_interfaces(bool news) {
  if (news) {
    look_due_ = std::min(look_due_, looked_at_ + look_pause);
    look_again_ = true;
  }
  if (look_due_ > now_.mono) return;
  looked_at_ = now_.mono;
  look_due_ = interfaces_ ? never : now_.mono + look_unwatched;
  if (std::exchange(look_again_, false)) look_due_ = now_.mono + second_look;
  OwnAddresses own = addresses_();
  for (const std::string& text : own.warnings)
    if (std::ranges::find(address_warnings_, text) == address_warnings_.end()) node_->warn(now_, text);
  address_warnings_ = std::move(own.warnings);
  node_->set_addresses(now_, std::move(own.advertised), std::move(own.leading_here));
}

void Loop::turn(std::span<const Poller::Ready> ready) {
  now_ = read_clock();
  dispatcher_.set_now(now_);
  // Requests first; sockets in the order of their keys.
  if (find(ready, inbox_key_) != nullptr) inbox_->acknowledge();
  take_requests();
  follow_interfaces(find(ready, interfaces_key_) != nullptr && interfaces_->drain());
  const Drained drained = read(ready);
  if (find(ready, fresh_key_) != nullptr) fresh_.receive(now_, *node_);
  if (fresh_.next_deadline() <= now_.mono) fresh_.close_idle(now_);
  if (find(ready, sentinels_key_) != nullptr) hear_sentinels();
  if (sentinels_.next_deadline() <= now_.mono) sentinels_.expire(now_);
  if (const std::string warning = sentinels_.take_warning(); !warning.empty()) node_->warn(now_, warning);
  node_->settle(now_);
  keep_timers(drained);
  if (dispatcher_.has_calls_on_loop()) answer_on_loop();
  send();
  while (dispatcher_.take_actions()) {
    node_->settle(now_);
    send();
  }
  if (leaving_until_ && (!dispatcher_.in_any_group() || now_.mono >= *leaving_until_)) ended_ = true;
  dispatcher_.finish_turn();
}

void Loop::take_requests() {
  for (Request& request : inbox_->take()) request(&dispatcher_);
}

// Calls that complete on this thread are answered before the datagrams leave: what they ask for next leaves with
// them, and that their commands are committed travels with the next ones.
void Loop::answer_on_loop() {
  const bool news = dispatcher_.take_actions();
  const bool asked = inbox_->has_own();
  if (asked) take_requests();
  if (news || asked) node_->settle(now_);
}

Drained Loop::read(std::span<const Poller::Ready> ready) {
  Drained out = Drained::all;
  for (std::size_t i = 0; i < sockets_.all().size(); ++i) {
    const Poller::Ready* const socket = find(ready, i);
    if (socket == nullptr) continue;
    // An error is told to the next call of any kind, so both queues are emptied of what it was about.
    if ((socket->readable || socket->failed) && sockets_.receive(i, now_, *node_) == Drained::partly)
      out = Drained::partly;
    if (socket->failed) sockets_.receive_errors(i, now_, *node_);
  }
  return out;
}

void Loop::hear_sentinels() {
  for (const SentinelNews& news : sentinels_.receive(now_)) {
    if (news.end)
      node_->on_sentinel_ended(now_, news.id, *news.end);
    else
      node_->on_sentinel_opened(now_, news.id);
  }
}

void Loop::keep_timers(Drained drained) {
  if (node_->next_deadline() > now_.mono) return;
  if (drained == Drained::partly && put_off_++ < timer_put_off_most) return;
  put_off_ = 0;
  node_->on_timer(now_);
  node_->settle(now_);
}

void Loop::send() {
  const udp::Socket* const before = sockets_.blocked();
  sockets_.transmit(now_, *node_);
  const udp::Socket* const after = sockets_.blocked();
  if (before == after) return;
  for (std::size_t i = 0; i < sockets_.all().size(); ++i) {
    const udp::Socket* const socket = &sockets_.all()[i];
    if (socket == before || socket == after) poller_.watch_writable(socket->fd(), i, socket == after);
  }
}

Mono Loop::wake_at() const {
  if (inbox_->has_own()) return now_.mono;
  return std::min({node_->next_deadline(), sentinels_.next_deadline(), dispatcher_.next_deadline(),
                   fresh_.next_deadline(), leaving_until_.value_or(never), look_due_});
}

}  // namespace mosaik::runtime
