#include "runtime/request_dispatcher.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "runtime/clock.hpp"

namespace mosaik::runtime {
namespace {

std::unexpected<Error> closed() {
  return fail(Errc::closed, "the network is closed");
}

bool changes_catalog(EventKind kind) noexcept {
  return kind == EventKind::peer_discovered || kind == EventKind::peer_updated || kind == EventKind::peer_departed;
}

}  // namespace

RequestDispatcher::RequestDispatcher(node::Node& node, SentinelSockets& sentinels, Publisher& publisher,
                                     const std::shared_ptr<Inbox>& inbox, std::string state_file, Saved saved)
    : node_(node),
      sentinels_(sentinels),
      publisher_(publisher),
      now_(read_clock()),
      resolver_(inbox),
      state_(node, std::move(state_file), saved, inbox, now_),
      publication_(node, publisher),
      memberships_(node, [this](Task task) { run(std::move(task)); }),
      replicas_(node, now_, inbox) {}

// -- requests

void RequestDispatcher::join(const GroupKey& key, const ConsensusConfig& consensus, Answer<GroupId> done) {
  const auto group = node_.join(now_, key, consensus);
  if (!group) return done(group);
  memberships_.on_joined(*group, std::move(done));
}

void RequestDispatcher::join(const GroupKey& key, const ConsensusConfig& consensus, MachineSetup setup,
                             Answer<GroupId> done) {
  const auto group = replicas_.join(key, consensus, std::move(setup));
  if (!group) return done(group);
  memberships_.on_joined(*group, std::move(done));
}

void RequestDispatcher::call(const GroupId& group, consensus::Call call, Nanoseconds time, Completion done) {
  node_.call(now_, group, calls_.begin(std::move(done)), std::move(call), later(now_.mono, time));
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

// -- actions

bool RequestDispatcher::take_actions() {
  for (node::Action& output : node_.take_actions()) std::visit([this](auto& one) { on_action(one); }, output);
  const bool left = memberships_.leave_if_covered(now_);
  return std::exchange(answered_, false) || left;
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
  replicas_.on_left(output.group);
  memberships_.on_left(output.group);
}

void RequestDispatcher::on_action(Event& output) {
  if (changes_catalog(output.kind)) publication_.note_catalog_changed();
  events_.push_back(std::move(output));
}

void RequestDispatcher::on_action(node::GroupActions& output) {
  for (consensus::Action& action : output.actions) carry_out(output.group, action);
}

void RequestDispatcher::carry_out(const GroupId& group, consensus::Action& action) {
  std::visit(overloaded{[&](const consensus::Answer& answer) {
                          if (Task rest = calls_.end(answer.call, answer.outcome)) run(std::move(rest));
                        },
                        [&](consensus::Apply& apply) { work(group, std::move(apply)); },
                        [&](const consensus::Reset& reset) { work(group, reset); },
                        [&](consensus::AskMachine& ask) { work(group, std::move(ask)); },
                        [&](consensus::Persist& state) { replicas_.keep(group, state); },
                        [&](const consensus::Event&) { replicas_.note_news(); },
                        // The group has sent the one, and the node has seen the other.
                        [](const consensus::Send&) { MOSAIK_ASSERT(false); }, [](const consensus::Remember&) {}},
             action);
}

// -- the turn

void RequestDispatcher::look_at_replicas() {
  const bool looked_for = publication_.is_looked_for() && !replicas_.empty();
  if (replicas_.is_behind() || looked_for) publication_.set_replicas(replicas_.look());
}

void RequestDispatcher::finish_turn() {
  state_.keep_due(now_);
  replicas_.flush();
  look_at_replicas();
  if (publication_.publish_due(now_) == Published::everything) memberships_.on_published(publication_.status());
  calls_.settle([this](Task rest) { run(std::move(rest)); });
  if (Task told = tracing_.take()) run(std::move(told));
  if (tasks_.empty() && events_.empty()) return;
  for (Task& task : tasks_) publisher_.run(std::move(task));
  for (Event& event : events_) publisher_.tell(std::move(event));
  tasks_.clear();
  events_.clear();
  publisher_.flush();
}

Mono RequestDispatcher::next_deadline() const noexcept {
  return std::min({publication_.next_deadline(), state_.next_deadline(), memberships_.next_deadline()});
}

void RequestDispatcher::end() {
  take_actions();
  resolver_.end();
  for (auto& sync : std::exchange(syncs_, {})) run([done = std::move(sync.second)]() mutable { done(closed()); });
  for (auto& ping : std::exchange(pings_, {})) run([done = std::move(ping.second)]() mutable { done(closed()); });
  // The delivery thread has a time limit to end within: the next run should find what this one knew.
  if (Task wait = state_.keep_at_end(now_)) run(std::move(wait));
  look_at_replicas();
  replicas_.end();
  calls_.end_all(consensus::Unknown{consensus::Doubt::stopped}, [this](Task rest) { run(std::move(rest)); });
  publication_.publish_end(now_);
  memberships_.on_published(publication_.status());
  memberships_.end();
  finish_turn();
}

}  // namespace mosaik::runtime
