#include "runtime/desk.hpp"

#include <algorithm>
#include <utility>

#include "runtime/clock.hpp"
#include "runtime/loop.hpp"

namespace mosaik::runtime {
namespace {

constexpr Nanoseconds refresh_interval = 500ms;
constexpr Nanoseconds cheap_snapshot = 50us;  // below this a pause would only delay news
constexpr int pause_factor = 10;

std::unexpected<Error> closed() {
  return fail(Errc::closed, "the network is closed");
}

bool changes_catalog(EventKind kind) noexcept {
  return kind == EventKind::peer_discovered || kind == EventKind::peer_updated || kind == EventKind::peer_departed;
}

}  // namespace

Snapshot take_snapshot(node::Node& node, const Now& now) {
  return {.status = node.snapshot(now),
          .catalog = std::make_shared<const std::vector<identity::EntryRef>>(node.catalog(now)),
          .own = node.own_entry()};
}

Desk::Desk(node::Node& node, Outlet& outlet, std::shared_ptr<Inbox> inbox)
    : node_(node), outlet_(outlet), resolver_(std::move(inbox)), now_(read_clock()) {}

// -- requests

void Desk::join(const GroupKey& key, const ConsensusConfig& consensus, Answer<GroupId> done) {
  auto result = node_.join(now_, key, consensus);
  if (result) joined_.insert(*result);
  after_publication_.push_back(
      [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
}

void Desk::leave(const GroupId& group, Task done) {
  if (!joined_.contains(group)) {
    run(std::move(done));
    return;
  }
  leaving_.emplace(group, std::move(done));
  node_.leave(now_, group);
}

void Desk::leave_all(Task done) {
  if (joined_.empty()) {
    run(std::move(done));
    return;
  }
  when_all_left_.push_back(std::move(done));
  for (const GroupId& group : joined_) node_.leave(now_, group);
}

void Desk::sync_with(const PeerId& peer, const std::vector<SocketAddress>& addresses, Answer<void> done) {
  const node::RequestId request{++last_request_};
  syncs_.emplace(request, std::move(done));
  node_.sync_with(now_, request, peer, addresses);
}

void Desk::ping(const PeerId& peer, const std::vector<SocketAddress>& addresses, Answer<Nanoseconds> done) {
  const node::RequestId request{++last_request_};
  pings_.emplace(request, std::move(done));
  node_.ping(now_, request, peer, addresses);
}

void Desk::resolve(std::string host, std::uint16_t port, Resolved done) {
  resolver_.resolve(*this, std::move(host), port, std::move(done));
}

// -- outputs

void Desk::take_outputs() {
  for (node::Output& output : node_.take_outputs()) std::visit([this](auto& one) { on_output(one); }, output);
}

void Desk::on_output(node::ResolveName& output) {
  node::Node* const node = &node_;
  const std::size_t bootstrap = output.bootstrap;
  resolve(std::move(output.host), output.port, [this, node, bootstrap](Step* step, const Addresses& addresses) {
    if (step != nullptr) node->on_resolved(now_, bootstrap, addresses);
  });
}

void Desk::on_output(node::SyncDone& output) {
  const auto at = syncs_.find(output.request);
  if (at == syncs_.end()) return;
  run([done = std::move(at->second), result = std::move(output.result)]() mutable { done(std::move(result)); });
  syncs_.erase(at);
}

void Desk::on_output(node::PingDone& output) {
  const auto at = pings_.find(output.request);
  if (at == pings_.end()) return;
  run([done = std::move(at->second), rtt = std::move(output.rtt)]() mutable { done(std::move(rtt)); });
  pings_.erase(at);
}

void Desk::on_output(node::GroupLeft& output) {
  joined_.erase(output.group);
  changed_ = true;
  const auto [first, last] = leaving_.equal_range(output.group);
  for (auto at = first; at != last; ++at) run(std::move(at->second));
  leaving_.erase(first, last);
  if (!joined_.empty()) return;
  for (Task& task : std::exchange(when_all_left_, {})) run(std::move(task));
}

void Desk::on_output(Event& output) {
  if (changes_catalog(output.kind)) catalog_changed_ = true;
  events_.push_back(std::move(output));
}

// -- snapshots

bool Desk::own_entry_changed() const {
  return node_.own_entry()->entry.version != own_version_;
}

void Desk::finish_turn() {
  changed_ = changed_ || catalog_changed_ || node_.changed() || own_entry_changed();
  if (!after_publication_.empty() || next_publication() <= now_.mono) publish();
  for (Task& task : std::exchange(after_publication_, {})) task();
  if (tasks_.empty() && events_.empty()) return;
  for (Task& task : tasks_) outlet_.run(std::move(task));
  for (Event& event : events_) outlet_.tell(std::move(event));
  tasks_.clear();
  events_.clear();
  outlet_.flush();
}

Mono Desk::next_publication() const noexcept {
  if (changed_) return not_before_;
  if (refresh_) return std::max(not_before_, published_ + refresh_interval);
  return never;
}

void Desk::publish() {
  const Mono before = read_clock().mono;
  if (catalog_changed_ || !catalog_)
    catalog_ = std::make_shared<const std::vector<identity::EntryRef>>(node_.catalog(now_));
  identity::EntryRef own = node_.own_entry();
  own_version_ = own->entry.version;
  outlet_.publish({.status = node_.snapshot(now_), .catalog = catalog_, .own = std::move(own)});
  outlet_.flush();
  changed_ = catalog_changed_ = refresh_ = false;
  published_ = read_clock().mono;
  const Nanoseconds cost = published_ - before;
  not_before_ = cost <= cheap_snapshot ? published_ : published_ + pause_factor * cost;
}

// -- the end

void Desk::end() {
  take_outputs();
  resolver_.end();
  for (auto& [request, done] : std::exchange(syncs_, {})) run([done = std::move(done)]() mutable { done(closed()); });
  for (auto& [request, done] : std::exchange(pings_, {})) run([done = std::move(done)]() mutable { done(closed()); });
  for (auto& [group, done] : std::exchange(leaving_, {})) run(std::move(done));
  for (Task& done : std::exchange(when_all_left_, {})) run(std::move(done));
  joined_.clear();
  changed_ = true;
  not_before_ = published_;
  finish_turn();
}

}  // namespace mosaik::runtime
