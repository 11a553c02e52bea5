// Groups with a machine: calls, what the machine and the store have done, and the effects of engines.

#include "base/limits.hpp"
#include "node/impl.hpp"

namespace mosaik::node {

void Node::Impl::refuse(const GroupId& group, consensus::CallId call) {
  std::vector<consensus::Effect> effects;
  effects.emplace_back(std::in_place_type<consensus::Answer>, call, consensus::NotApplied{consensus::Refusal::stopped});
  outputs_.emplace_back(GroupEffects{group, std::move(effects)});
}

void Node::Impl::submit(const Now& now, const GroupId& group, consensus::CallId call, std::vector<Blob> commands,
                        consensus::Until until, Mono deadline) {
  const bool known = with_engine(
      group, [&](consensus::Engine& engine) { engine.submit(now, call, std::move(commands), until, deadline); });
  if (!known) refuse(group, call);
}

void Node::Impl::query(const Now& now, const GroupId& group, consensus::CallId call, Blob query,
                       Consistency consistency, Mono deadline) {
  const bool known = with_engine(
      group, [&](consensus::Engine& engine) { engine.query(now, call, std::move(query), consistency, deadline); });
  if (!known) refuse(group, call);
}

void Node::Impl::on_persisted(const Now& now, const GroupId& group, consensus::Ticket ticket) {
  if (const auto found = groups.find(group); found != groups.end()) found->second.on_persisted(now, ticket);
}

void Node::Impl::stop_engine(const Now& now, const GroupId& group, std::string_view why) {
  with_engine(group, [&](consensus::Engine& engine) { engine.stop(now, why); });
}

std::optional<ConsensusStatus> Node::Impl::consensus(const GroupId& group) const {
  const auto found = groups.find(group);
  return found == groups.end() ? std::nullopt : found->second.consensus_status();
}

// One in each process, and one more each time that a group is joined.
std::uint64_t Node::Impl::next_run() {
  return (static_cast<std::uint64_t>(self.started()) << 16U) + ++joins_;
}

std::uint32_t Node::Impl::remembered_size(const GroupId& group) const {
  const auto found = group_sizes_.find(group);
  return found == group_sizes_.end() ? 0 : found->second;
}

void Node::Impl::remember_size(const GroupId& group, std::uint32_t size) {
  if (group_sizes_.size() >= limits::groups && !group_sizes_.contains(group)) group_sizes_.erase(group_sizes_.begin());
  group_sizes_[group] = size;
  memory_changed_ = true;
}

namespace {

/// What a consensus event is told as. Progress is none: it is read from boards, not told at every commit.
struct RaftTold {
  Event& event;
  void operator()(const consensus::RoleChanged& changed) const {
    event.role = changed.role;
    event.term = changed.term;
  }
  void operator()(const consensus::LeaderChanged& changed) const {
    event.peer = changed.leader.value_or(PeerId{});
    event.term = changed.term;
  }
  void operator()(const consensus::OnlineChanged&) const {}
  void operator()(const consensus::Progress&) const {}
  void operator()(const consensus::Diverged& diverged) const {
    event.peer = diverged.leader;
    event.term = diverged.term;
    event.index = diverged.committed;
    event.last = diverged.first_difference;
  }
  void operator()(const consensus::Overwritten& overwritten) const {
    event.peer = overwritten.leader;
    event.index = overwritten.range.first;
    event.last = overwritten.range.last;
  }
  void operator()(const consensus::FloorDiffers& differs) const {
    event.peer = differs.peer;
    event.code = differs.theirs;
  }
  void operator()(const consensus::Stopped& stopped) const { event.reason = stopped.reason; }
};

std::optional<EventKind> kind_of(const consensus::Event& event) noexcept {
  if (std::holds_alternative<consensus::RoleChanged>(event)) return EventKind::role_changed;
  if (std::holds_alternative<consensus::LeaderChanged>(event)) return EventKind::leader_changed;
  if (const auto* changed = std::get_if<consensus::OnlineChanged>(&event))
    return changed->online ? EventKind::raft_online : EventKind::raft_offline;
  if (std::holds_alternative<consensus::Diverged>(event)) return EventKind::diverged;
  if (std::holds_alternative<consensus::Overwritten>(event)) return EventKind::overwritten;
  if (std::holds_alternative<consensus::FloorDiffers>(event)) return EventKind::floor_differs;
  if (std::holds_alternative<consensus::Stopped>(event)) return EventKind::stopped;
  return std::nullopt;
}

}  // namespace

void Node::Impl::report_raft(const Now& now, const GroupId& group, const consensus::Event& event) {
  const auto kind = kind_of(event);
  if (!kind) return;
  Event& told = report(now, *kind);
  told.group = group;
  std::visit(RaftTold{told}, event);
}

// What an engine sends may end a bond (a full queue), which is another input for it: until nothing follows.
void Node::Impl::settle_engines(const Now& now) {
  do {
    drain_facts(now);
    for (auto& [id, group] : groups) {
      if (group.engine() == nullptr) continue;
      with_group(now, id, [](groups::Group& one, const bonds::Step& step) { one.settle(step); });
      auto effects = group.take_effects();
      std::erase_if(effects, [&](const consensus::Effect& effect) {
        const auto* remember = std::get_if<consensus::Remember>(&effect);
        if (remember != nullptr) remember_size(id, remember->group_size);
        return remember != nullptr;
      });
      for (const consensus::Effect& effect : effects)
        if (const auto* event = std::get_if<consensus::Event>(&effect)) report_raft(now, id, *event);
      if (!effects.empty()) outputs_.emplace_back(GroupEffects{id, std::move(effects)});
    }
  } while (!facts_.empty());
}

// ------------------------------------------------------------------------------------------------ the face

void Node::submit(const Now& now, const GroupId& group, consensus::CallId call, std::vector<Blob> commands,
                  consensus::Until until, Mono deadline) {
  impl_->submit(now, group, call, std::move(commands), until, deadline);
}
void Node::query(const Now& now, const GroupId& group, consensus::CallId call, Blob query, Consistency consistency,
                 Mono deadline) {
  impl_->query(now, group, call, std::move(query), consistency, deadline);
}
void Node::on_applied(const Now& now, const GroupId& group, consensus::Epoch epoch, Index index) {
  impl_->with_engine(group, [&](consensus::Engine& engine) { engine.on_applied(now, epoch, index); });
}
void Node::on_answered(const Now& now, const GroupId& group, consensus::QueryId query, const Result<Blob>& answer) {
  impl_->with_engine(group, [&](consensus::Engine& engine) { engine.on_answered(now, query, answer); });
}
void Node::on_persisted(const Now& now, const GroupId& group, consensus::Ticket ticket) {
  impl_->on_persisted(now, group, ticket);
}
void Node::on_persist_failed(const Now& now, const GroupId& group, std::string_view why) {
  impl_->with_engine(group, [&](consensus::Engine& engine) { engine.on_persist_failed(now, why); });
}
void Node::on_machine_failed(const Now& now, const GroupId& group, std::string_view why) {
  impl_->stop_engine(now, group, why);
}
std::optional<ConsensusStatus> Node::consensus(const GroupId& group) const {
  return impl_->consensus(group);
}

}  // namespace mosaik::node
