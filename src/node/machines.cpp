// Groups with a machine: calls, what the machine and the store have done, and the actions of engines.

#include "base/limits.hpp"
#include "base/overloaded.hpp"
#include "base/waiting_text.hpp"
#include "node/impl.hpp"

namespace mosaik::node {

void Node::refuse(const GroupId& group, consensus::CallId call) {
  std::vector<consensus::Action> actions;
  actions.emplace_back(std::in_place_type<consensus::Answer>, call, consensus::NotApplied{consensus::Refusal::stopped});
  actions_.emplace_back(GroupActions{group, std::move(actions)});
}

void Node::call(const Now& now, const GroupId& group, consensus::CallId id, consensus::Call call, Mono deadline) {
  const bool known =
      with_engine(group, [&](consensus::Engine& engine) { engine.call(now, id, std::move(call), deadline); });
  if (!known) refuse(group, id);
}

void Node::on_persisted(const Now& now, const GroupId& group, consensus::Ticket ticket) {
  const TraceScope scope(trace_, now);
  const TraceGroup traced(group);
  if (const auto found = groups_.find(group); found != groups_.end()) found->second.on_persisted(now, ticket);
}

void Node::stop_engine(const Now& now, const GroupId& group, std::string_view why) {
  with_engine(group, [&](consensus::Engine& engine) { engine.stop(now, why); });
}

std::optional<ConsensusStatus> Node::consensus(const GroupId& group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? std::nullopt : found->second.consensus_status();
}

std::uint32_t Node::remembered_size(const GroupId& group) const {
  const auto found = group_sizes_.find(group);
  return found == group_sizes_.end() ? 0 : found->second;
}

void Node::remember_size(const GroupId& group, std::uint32_t size) {
  if (group_sizes_.size() >= limits::groups && !group_sizes_.contains(group)) group_sizes_.erase(group_sizes_.begin());
  group_sizes_[group] = size;
  memory_changed_ = true;
}

// Progress is not told at every commit: it is read from boards.
void Node::report_raft(const Now& now, const GroupId& group, const consensus::Event& event) {
  const auto told = [&](EventKind kind) -> Event& {
    Event& out = report(now, kind);
    out.group = group;
    return out;
  };
  std::visit(overloaded{[&](const consensus::RoleChanged& changed) {
                          Event& out = told(EventKind::role_changed);
                          out.role = changed.role;
                          out.term = changed.term;
                        },
                        [&](const consensus::LeaderChanged& changed) {
                          Event& out = told(EventKind::leader_changed);
                          out.peer = changed.leader.value_or(PeerId{});
                          out.term = changed.term;
                        },
                        [&](const consensus::OnlineChanged& changed) {
                          told(changed.online ? EventKind::raft_online : EventKind::raft_offline);
                        },
                        [&](const consensus::Progress&) {},
                        [&](const consensus::Diverged& diverged) {
                          Event& out = told(EventKind::diverged);
                          out.peer = diverged.leader;
                          out.term = diverged.term;
                          out.index = diverged.committed;
                          out.last = diverged.first_difference;
                        },
                        [&](const consensus::Overwritten& overwritten) {
                          Event& out = told(EventKind::overwritten);
                          out.peer = overwritten.leader;
                          out.index = overwritten.range.first;
                          out.last = overwritten.range.last;
                        },
                        [&](const consensus::FloorDiffers& differs) {
                          Event& out = told(EventKind::floor_differs);
                          out.peer = differs.peer;
                          out.code = differs.theirs;
                        },
                        [&](const consensus::Waits& waits) {
                          notice(now,
                                 "group " + group.brief() + ": " +
                                     waiting_text(waits.what, waits.at_most, waits.connected, waits.wanted),
                                 {});
                        },
                        [&](const consensus::LogFills& fills) {
                          notice(now,
                                 "group " + group.brief() + ": the log takes " + std::to_string(fills.bytes >> 20U) +
                                     " of " + std::to_string(fills.limit >> 20U) +
                                     " MiB; when it is full, a leader refuses all commands: give all members a larger "
                                     "--log-limit, or move to another group",
                                 {});
                        },
                        [&](const consensus::Stopped& stopped) { told(EventKind::stopped).reason = stopped.reason; }},
             event);
}

// As a whole: what an engine wants is stored once between it and the runtime.
void Node::give_actions(const GroupId& id) {
  const auto found = groups_.find(id);
  if (found == groups_.end()) return;
  std::vector<consensus::Action> actions = found->second.take_actions();
  if (!actions.empty()) actions_.emplace_back(GroupActions{id, std::move(actions)});
}

// What an engine sends may end a bond (a full queue), which is another input for it: until nothing follows.
void Node::settle_engines(const Now& now) {
  do {
    drain_events(now);
    for (auto& [id, group] : groups_) {
      if (group.engine() == nullptr) continue;
      with_group(now, id, [](groups::Group& one, const bonds::MeshContext& step) { one.settle(step); });
      for (const consensus::Action& action : group.show_new()) {
        if (const auto* remember = std::get_if<consensus::Remember>(&action)) remember_size(id, remember->group_size);
        if (const auto* event = std::get_if<consensus::Event>(&action)) report_raft(now, id, *event);
      }
    }
  } while (!events_.empty());
}

void Node::on_applied(const Now& now, const GroupId& group, consensus::Epoch epoch, Index index) {
  with_engine(group, [&](consensus::Engine& engine) { engine.on_applied(now, epoch, index); });
}
void Node::on_answered(const Now& now, const GroupId& group, consensus::QueryId query, const Result<Blob>& answer) {
  with_engine(group, [&](consensus::Engine& engine) { engine.on_answered(now, query, answer); });
}
void Node::on_persist_failed(const Now& now, const GroupId& group, std::string_view why) {
  with_engine(group, [&](consensus::Engine& engine) { engine.on_persist_failed(now, why); });
}
void Node::on_machine_failed(const Now& now, const GroupId& group, std::string_view why) {
  stop_engine(now, group, why);
}

}  // namespace mosaik::node
