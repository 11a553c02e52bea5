#include "runtime/request_dispatcher.hpp"

#include <algorithm>
#include <utility>

#include "runtime/clock.hpp"
#include "runtime/loop.hpp"

namespace mosaik::runtime {
namespace {

constexpr Nanoseconds refresh_interval = 500ms;
constexpr Nanoseconds memory_pause = 200ms;  // a mesh that forms is written down once
constexpr Nanoseconds memory_retry = 10s;    // a full disk may have room by then

std::unexpected<Error> closed() {
  return fail(Errc::closed, "the network is closed");
}

bool changes_catalog(EventKind kind) noexcept {
  return kind == EventKind::peer_discovered || kind == EventKind::peer_updated || kind == EventKind::peer_departed;
}

/// Another member that has all that is committed, or may come to have it.
bool may_catch_up(const MemberStatus& member) noexcept {
  return member.state != MemberState::self && member.state != MemberState::departed &&
         member.state != MemberState::refused;
}

/// Nothing for a node without a state file.
std::optional<StateWriter> state_writer(std::string path, const std::shared_ptr<Inbox>& inbox) {
  if (path.empty()) return std::nullopt;
  return StateWriter(std::move(path), [inbox](const std::string& text) {
    inbox->post([text](RequestDispatcher* dispatcher) {
      if (dispatcher != nullptr) dispatcher->warn(text);
    });
  });
}

}  // namespace

Snapshot take_snapshot(node::Node& node, const Now& now) {
  return {.status = node.snapshot(now),
          .catalog = std::make_shared<const std::vector<identity::EntryRef>>(node.catalog(now)),
          .own = node.own_entry()};
}

RequestDispatcher::RequestDispatcher(node::Node& node, SentinelSockets& sentinels, Publisher& publisher,
                                     std::shared_ptr<Inbox> inbox, std::string state_file, Saved saved)
    : node_(node),
      sentinels_(sentinels),
      publisher_(publisher),
      inbox_(inbox),
      resolver_(std::move(inbox)),
      state_(state_writer(std::move(state_file), inbox_)),
      now_(read_clock()) {
  if (state_ && saved == Saved::no) memory_due_ = now_.mono + memory_retry;
}

// -- requests

void RequestDispatcher::join(const GroupKey& key, const ConsensusConfig& consensus, Answer<GroupId> done) {
  auto result = node_.join(now_, key, consensus);
  if (!result) {
    done(std::move(result));
    return;
  }
  joined_.insert(*result);
  joining_.push_back({*result, std::move(done)});
}

void RequestDispatcher::leave(const GroupId& group, Task done) {
  if (!joined_.contains(group)) {
    run(std::move(done));
    return;
  }
  leaving_.emplace(group, std::move(done));
  node_.leave(now_, group);
}

void RequestDispatcher::leave_all(Task done) {
  if (joined_.empty()) {
    run(std::move(done));
    return;
  }
  when_all_left_.push_back(std::move(done));
  for (const GroupId& group : joined_) node_.leave(now_, group);
}

void RequestDispatcher::leave_all_when_covered(Nanoseconds wait, Task done) {
  const std::uint64_t entries = uncovered();
  if (entries == 0 || wait <= 0ns) return leave_all(std::move(done));
  parting_.push_back({later(now_.mono, wait), std::move(done)});
  warn("waits with leaving, " + std::to_string(wait / 1ms) + " ms at most, until another member has all " +
       std::to_string(entries) + " committed entries");
}

// A leader counts who has acknowledged; of a follower's entries its leader has all that are committed.
std::uint64_t RequestDispatcher::uncovered(const GroupId& group) const {
  const auto consensus = node_.consensus(group);
  if (!consensus || consensus->role == MemberRole::stopped || consensus->in_step > 0 || !status_) return 0;
  const auto found = std::ranges::find(status_->groups, group, &GroupStatus::id);
  if (found == status_->groups.end() || std::ranges::none_of(found->members, may_catch_up)) return 0;
  return consensus->committed.value;
}

std::uint64_t RequestDispatcher::uncovered() const {
  std::uint64_t out = 0;
  for (const GroupId& group : joined_) out += uncovered(group);
  return out;
}

void RequestDispatcher::part_when_covered() {
  if (parting_.empty()) return;
  const std::uint64_t entries = uncovered();
  for (auto at = parting_.begin(); at != parting_.end();) {
    if (entries > 0 && now_.mono < at->until) {
      ++at;
      continue;
    }
    warn(entries == 0 ? "leaves now: another member has all that is committed, or none is left"
                      : "leaves though no other member has all " + std::to_string(entries) +
                            " committed entries: those that this member alone has are lost");
    leave_all(std::move(at->done));
    at = parting_.erase(at);
    answered_ = true;
  }
}

void RequestDispatcher::forget(const PeerId& peer, Answer<void> done) {
  run([result = node_.forget(now_, peer), done = std::move(done)]() mutable { done(std::move(result)); });
  answered_ = true;
}

void RequestDispatcher::sync_with(const PeerId& peer, const std::vector<SocketAddress>& addresses, Answer<void> done) {
  const node::RequestId request{++last_request_};
  syncs_.emplace(request, std::move(done));
  node_.sync_with(now_, request, peer, addresses);
}

void RequestDispatcher::ping(const PeerId& peer, const std::vector<SocketAddress>& addresses,
                             Answer<Nanoseconds> done) {
  const node::RequestId request{++last_request_};
  pings_.emplace(request, std::move(done));
  node_.ping(now_, request, peer, addresses);
}

// -- outputs

bool RequestDispatcher::take_actions() {
  for (node::Action& output : node_.take_actions()) std::visit([this](auto& one) { on_action(one); }, output);
  part_when_covered();
  return std::exchange(answered_, false);
}

void RequestDispatcher::on_action(node::ResolveName& output) {
  const std::size_t bootstrap = output.bootstrap;
  const Names names = output.service ? Names::service : Names::host;
  const auto tell = [this, bootstrap](const Addresses& addresses) {
    if (!addresses && addresses.error().code == Errc::closed) return;  // the node has ended as well
    node_.on_resolved(now_, bootstrap, addresses);
    answered_ = true;
  };
  resolve(std::move(output.host), output.port, tell, names);
}

void RequestDispatcher::on_action(node::SyncDone& output) {
  const auto at = syncs_.find(output.request);
  if (at == syncs_.end()) return;
  run([done = std::move(at->second), result = std::move(output.result)]() mutable { done(std::move(result)); });
  syncs_.erase(at);
}

void RequestDispatcher::on_action(node::PingDone& output) {
  const auto at = pings_.find(output.request);
  if (at == pings_.end()) return;
  run([done = std::move(at->second), rtt = std::move(output.rtt)]() mutable { done(std::move(rtt)); });
  pings_.erase(at);
}

void RequestDispatcher::on_action(node::GroupLeft& output) {
  joined_.erase(output.group);
  if (machines_.erase(output.group) > 0) replicas_behind_ = true;
  const auto [first, last] = leaving_.equal_range(output.group);
  for (auto at = first; at != last; ++at) run(std::move(at->second));
  leaving_.erase(first, last);
  if (!joined_.empty()) return;
  for (Task& task : std::exchange(when_all_left_, {})) run(std::move(task));
}

void RequestDispatcher::on_action(Event& output) {
  if (changes_catalog(output.kind)) catalog_changed_ = true;
  events_.push_back(std::move(output));
}

// -- snapshots

bool RequestDispatcher::is_news() const {
  return catalog_changed_ || node_.changed() || !own_ || node_.own_entry()->entry.version != own_->entry.version;
}

void RequestDispatcher::finish_turn() {
  keep_memory(false);
  finish_machines();
  if (is_news() || next_publication() <= now_.mono)
    publish();
  else if (!replicas_told_)
    publish_replicas();
  calls_.settle([this](Task rest) { run(std::move(rest)); });
  if (tasks_.empty() && events_.empty()) return;
  for (Task& task : tasks_) publisher_.run(std::move(task));
  for (Event& event : events_) publisher_.tell(std::move(event));
  tasks_.clear();
  events_.clear();
  publisher_.flush();
}

Mono RequestDispatcher::next_deadline() const noexcept {
  Mono out = std::min(next_publication(), memory_due_);
  for (const Parting& parting : parting_) out = std::min(out, parting.until);
  return out;
}

Mono RequestDispatcher::next_publication() const noexcept {
  if (!looks_.empty()) return Mono{};
  return refresh_ ? looked_at_ + refresh_interval : never;
}

void RequestDispatcher::publish() {
  // The node tells of a change when it has looked itself; looking in between would keep those events from it.
  if (!status_ || node_.changed() || next_publication() <= now_.mono) {
    status_ = node_.snapshot(now_);
    looked_at_ = now_.mono;
    refresh_ = false;
  }
  if (!catalog_ || catalog_changed_)
    catalog_ = std::make_shared<const std::vector<identity::EntryRef>>(node_.catalog(now_));
  catalog_changed_ = false;
  own_ = node_.own_entry();
  publisher_.publish({.status = status_, .catalog = catalog_, .own = own_, .replicas = replicas_});
  replicas_told_ = true;
  publisher_.flush();
  answer_joins(*status_);
  for (Task& done : std::exchange(looks_, {})) done();
}

void RequestDispatcher::keep_memory(bool at_the_end) {
  if (!state_) return;
  const bool failing = state_->failing();
  if (node_.take_memory_changed() && memory_due_ == never) memory_due_ = now_.mono + memory_pause;
  if (failing && memory_due_ == never) memory_due_ = now_.mono + memory_retry;
  if (memory_due_ == never || (!at_the_end && memory_due_ > now_.mono)) return;
  memory_due_ = failing ? now_.mono + memory_retry : never;
  state_->put(node_.memory());
}

void RequestDispatcher::answer_joins(const NodeStatus& published) {
  std::erase_if(joining_, [&](Join& join) {
    if (std::ranges::find(published.groups, join.group, &GroupStatus::id) == published.groups.end()) return false;
    join.done(join.group);
    return true;
  });
}

// -- the end

void RequestDispatcher::end() {
  take_actions();
  resolver_.end();
  for (auto& sync : std::exchange(syncs_, {})) run([done = std::move(sync.second)]() mutable { done(closed()); });
  for (auto& ping : std::exchange(pings_, {})) run([done = std::move(ping.second)]() mutable { done(closed()); });
  for (auto& [group, done] : std::exchange(leaving_, {})) run(std::move(done));
  for (Task& done : std::exchange(when_all_left_, {})) run(std::move(done));
  for (Parting& parting : std::exchange(parting_, {})) run(std::move(parting.done));
  keep_memory(true);
  // The delivery thread has a time limit to end within: the next run should find what this one knew.
  if (state_) run(state_->wait());
  end_machines();
  status_.reset();
  publish();
  for (Join& join : std::exchange(joining_, {})) join.done(closed());
  finish_turn();
}

}  // namespace mosaik::runtime
