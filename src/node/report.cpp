// What the node tells: events, notices, snapshots, and why it is alone.

#include <algorithm>

#include "base/limits.hpp"
#include "node/impl.hpp"

namespace mosaik::node {

Event& Node::report(const Now& now, EventKind kind) {
  if (actions_.size() >= limits::pending_outputs) {
    // Only events: what a machine has to apply, and the ends of requests, are never dropped.
    const auto oldest =
        std::ranges::find_if(actions_, [](const Action& output) { return std::holds_alternative<Event>(output); });
    if (oldest != actions_.end()) {
      ++dropped_actions_;
      actions_.erase(oldest);
    }
  }
  Event event;
  event.kind = kind;
  event.sequence = ++sequence_;
  event.wall_ms = now.wall.milliseconds;
  event.mono_ns = now.mono.time_since_epoch().count();
  actions_.emplace_back(std::move(event));
  return std::get<Event>(actions_.back());
}

void Node::notice(const Now& now, const std::string& text, const PeerId& peer) {
  Event& event = report(now, EventKind::notice);
  event.reason = text;
  event.peer = peer;
  std::erase(notices_, text);
  notices_.push_back(text);
  if (notices_.size() > limits::notices) notices_.pop_front();
  touch();
}

std::vector<Action> Node::take_actions() {
  for (const auto& [id, group] : groups_) give_actions(id);
  return std::exchange(actions_, {});
}

namespace {
std::string elsewhere_text(std::size_t peers) {
  return std::to_string(peers) + (peers == 1 ? " peer" : " peers") +
         " of this network known, none in this group: another group secret, other heartbeat settings or another "
         "machine; compare them with ours";
}
}  // namespace

std::size_t Node::all_elsewhere(std::span<const identity::EntryRef> known, const GroupId& group) {
  const bool all = std::ranges::none_of(known, [&](const identity::EntryRef& entry) { return entry->names(group); });
  return all ? known.size() : 0;
}

// A wrong secret is no error that anybody could report: nobody answers. It stands in the log, once, where it is looked
// for; members that start together are given the time to tell of their group.
void Node::tell_loneliness(const Now& now) {
  if (now.mono < lonely_at_) return;
  lonely_at_ = never;
  const auto known = discovery_.entries(now);
  for (const auto& [id, group] : groups_) {
    if (group.mesh().bond_count() > 0 || lonely_told_.contains(id)) continue;
    const std::size_t elsewhere = all_elsewhere(known, id);
    if (elsewhere == 0) {
      lonely_at_ = now.mono + next_look_at_loneliness;
      continue;
    }
    lonely_told_.insert(id);
    notice(now, "group " + id.brief() + ": " + elsewhere_text(elsewhere));
  }
}

void Node::explain_loneliness(const Now& now, GroupStatus& group) const {
  if (!group.bonds.own().empty()) return;
  const auto known = discovery_.entries(now);
  if (known.empty() && group.members.size() <= 1 && config_.discovery.bootstrap.empty())
    group.reasons.emplace_back(
        endpoint_.counters().handshakes_failed > 0
            ? "this node was dialed, and no handshake came to its end: datagrams of 1,200 bytes may be lost on the way "
              "back (an MTU below 1,228), or the dialer takes this node for another one"
            : "no bootstrap peer was given and nobody has dialed this node; give it one: HOST or PEERID@HOST:PORT");
  for (const auto& [contact, text] : silent_bootstraps_) group.reasons.push_back(text);
  for (std::string& text : diagnostics_.told(now)) group.reasons.push_back(std::move(text));
  if (const std::size_t elsewhere = all_elsewhere(known, group.id); elsewhere != 0)
    group.reasons.push_back(elsewhere_text(elsewhere));
  group.awaits = !known.empty() || !config_.discovery.bootstrap.empty();
}

std::shared_ptr<NodeStatus> Node::status(const Now& now) const {
  auto out = std::make_shared<NodeStatus>();
  out->name = config_.name.empty() ? self_.id().brief() : config_.name;
  out->id = self_.id();
  out->network = config_.discovery.network;
  out->network_name = config_.network_name;
  out->listening = config_.listening;
  out->advertised = config_.advertised;
  out->uptime = now.mono - started_at_;
  out->known_peers = discovery_.entries(now).size();
  out->connections = endpoint_.connections();
  out->handshakes = endpoint_.counters().handshakes_completed;
  out->handshakes_failed = endpoint_.counters().handshakes_failed;
  out->syncs = discovery_.counters().syncs_completed + discovery_.counters().syncs_served;
  out->verifications = verifier_.verifications();
  out->dropped = endpoint_.counters().dropped_initials + dropped_actions_;
  out->contacts = discovery_.contacts();
  out->notices.assign(notices_.begin(), notices_.end());
  for (const auto& [id, group] : groups_) {
    out->groups.push_back(group.mesh().view(now, endpoint_));
    explain_loneliness(now, out->groups.back());
  }
  return out;
}

namespace {
using Cell = std::tuple<PeerId, PeerId, BondState>;

std::vector<Cell> cells(const GroupStatus* group) {
  std::vector<Cell> out;
  if (group != nullptr)
    for (const Bond& bond : group->bonds) out.emplace_back(bond.a(), bond.b(), bond.state());
  return out;
}

std::vector<SessionId> sessions(const GroupStatus* group) {
  std::vector<SessionId> out;
  if (group != nullptr)
    for (const Bond& bond : group->bonds)
      if (bond.is_own()) out.push_back(bond.session());
  return out;
}

const GroupStatus* group_of(const NodeStatus* status, const GroupId& id) {
  if (status == nullptr) return nullptr;
  const auto found = std::ranges::find(status->groups, id, &GroupStatus::id);
  return found == status->groups.end() ? nullptr : &*found;
}
}  // namespace

// A change is shown at once, and more of them after a pause that grows with the mesh: a view costs what it shows.
Mono Node::look_due() const {
  std::size_t bonds = 0;
  for (const auto& [id, group] : groups_) bonds += group.mesh().bond_count();
  // Others' rows and hearsay cost as well, and a member may invent much of both.
  std::size_t shown = 0;
  if (latest_)
    for (const GroupStatus& group : latest_->groups)
      shown += group.bonds.size() + group.members.size() + group.unattested_count;
  bonds = std::max(bonds, shown / 16);
  return looked_at_ + std::min<Nanoseconds>(limits::snapshot_pause_per_bond * static_cast<std::int64_t>(bonds),
                                            limits::snapshot_pause);
}

void Node::look(const Now& now) {
  if (!dirty_ || (latest_ && now.mono < look_due())) return;
  look_now(now);
}

void Node::look_now(const Now& now) {
  dirty_ = false;
  looked_at_ = now.mono;
  const std::shared_ptr<const NodeStatus> before = latest_;
  const std::shared_ptr<const NodeStatus> after = status(now);
  latest_ = after;
  for (const GroupStatus& group : after->groups) {
    const GroupStatus* old = group_of(before.get(), group.id);
    if (sessions(old) != sessions(&group)) report(now, EventKind::bonds_changed).group = group.id;
    if (cells(old) != cells(&group)) report(now, EventKind::topology_changed).group = group.id;
    const bool was_online = old != nullptr && old->online;
    if (was_online != group.online) report(now, group.online ? EventKind::online : EventKind::offline).group = group.id;
  }
}

std::shared_ptr<const NodeStatus> Node::snapshot(const Now& now) {
  if (dirty_ || !latest_) look_now(now);
  const bool news = changed();
  published_ = latest_;
  // Without news only what moves with time is read anew; `latest_` stays what the events have told of.
  return news ? latest_ : status(now);
}

}  // namespace mosaik::node
