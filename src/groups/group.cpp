#include "groups/group.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.hpp"
#include "consensus/dynamic/bystander.hpp"
#include "consensus/dynamic/handshake_payload.hpp"
#include "wire/close_code.hpp"

namespace mosaik::groups {
namespace {

/// How surely the peer is gone (docs/RELIABILITY.md, Verdicts). That it closed the bond for another reason says that it
/// lives.
consensus::Loss loss_of(const bonds::BondDown& down) {
  switch (down.by) {
    case bonds::EndedBy::departure: return consensus::Loss::departed;
    case bonds::EndedBy::peer:
      return down.code == static_cast<std::uint64_t>(CloseCode::cancelled) ? consensus::Loss::departed
                                                                           : consensus::Loss::presumed;
    case bonds::EndedBy::reset:
    case bonds::EndedBy::proven:
    case bonds::EndedBy::replaced: return consensus::Loss::proven;
    case bonds::EndedBy::us:
    case bonds::EndedBy::idle:
    case bonds::EndedBy::transport:
    case bonds::EndedBy::link:
    case bonds::EndedBy::presumed: return consensus::Loss::presumed;
  }
  return consensus::Loss::presumed;
}

SendClass class_of(consensus::Urgency urgency) {
  return urgency == consensus::Urgency::bulk ? SendClass::bulk : SendClass::consensus;
}

}  // namespace

void Group::on_bond_up(const Now& now, const bonds::BondUp& up) {
  links_[up.peer] = up.link;
  if (engine_)
    engine_->on_bonded(now, up.peer, {.cpp = up.cpp, .floor = consensus::decode_handshake_payload(up.engine)});
}

void Group::on_bond_down(const Now& now, const bonds::BondDown& down) {
  const auto known = links_.find(down.peer);
  if (known == links_.end() || known->second != down.link) return;
  links_.erase(known);
  std::erase_if(held_, [&](const Held& held) { return held.link == down.link; });
  const auto survivors = mesh_.is_clique() ? consensus::Survivors::clique : consensus::Survivors::other;
  if (engine_) engine_->on_gone(now, down.peer, loss_of(down), survivors);
}

void Group::on_raft(const bonds::MeshContext& step, const bonds::RaftHeard& heard) {
  if (engine_) {
    // What does not decode is ignored; a member is trusted for liveness (docs/THREATS.md).
    static_cast<void>(engine_->on_message(step.now, heard.peer, heard.message));
    return;
  }
  const auto answer = consensus::answer_of_bystander(heard.peer, heard.message, false);
  if (!answer) return;
  std::vector<std::uint8_t> response;
  consensus::encode(*answer, response);
  static_cast<void>(mesh_.send_raft(step, heard.peer, response));
}

void Group::on_growing(const bonds::MeshContext& step, const PeerId& peer, LinkId link, const FrameHead& head) {
  mesh_.on_growing(step, link);
  const auto known = links_.find(peer);
  if (engine_ && known != links_.end() && known->second == link) engine_->on_growing(step.now, peer, head);
}

void Group::on_persisted(const Now& now, consensus::Ticket ticket) {
  durable_ = std::max(durable_, ticket);
  if (engine_) engine_->on_persisted(now, ticket);
}

void Group::on_timer(const bonds::MeshContext& step) {
  mesh_.on_timer(step);
  if (engine_ && step.now.mono >= engine_->next_deadline()) engine_->on_timer(step.now);
}

void Group::send(const bonds::MeshContext& step, LinkId link, const consensus::Send& send) {
  static_cast<void>(mesh_.send_raft(step, send.peer, link, class_of(send.urgency), send.frame));
}

bool Group::queue_empty(const bonds::MeshContext& step, const PeerId& peer, consensus::Urgency urgency) const {
  const auto link = links_.find(peer);
  const auto stats = link == links_.end() ? std::nullopt : step.links.stats(link->second);
  if (!stats) return true;
  return (urgency == consensus::Urgency::bulk ? stats->queued_bulk : stats->queued_consensus) == 0;
}

void Group::settle(const bonds::MeshContext& step) {
  if (!engine_) return;
  engine_->on_queues([&](const PeerId& peer, consensus::Urgency urgency) { return queue_empty(step, peer, urgency); });
  engine_->settle(step.now);
  for (; !held_.empty() && held_.front().send.after <= durable_; held_.pop_front())
    send(step, held_.front().link, held_.front().send);
  std::vector<consensus::Action> actions = engine_->take_actions();
  for (consensus::Action& action : actions)
    if (auto* const frame = std::get_if<consensus::Send>(&action)) dispatch(step, std::move(*frame));
  std::erase_if(actions,
                [](const consensus::Action& action) { return std::holds_alternative<consensus::Send>(action); });
  if (actions_.empty())
    actions_ = std::move(actions);
  else
    std::ranges::move(actions, std::back_inserter(actions_));
  check_invariants();
}

void Group::dispatch(const bonds::MeshContext& step, consensus::Send frame) {
  const auto link = links_.find(frame.peer);
  if (link == links_.end()) return;
  // Behind a frame that waits nothing of the same kind may overtake: tickets never go back.
  if (frame.after > durable_)
    held_.push_back({link->second, std::move(frame)});
  else
    send(step, link->second, frame);
}

std::span<const consensus::Action> Group::show_new() {
  return std::span(actions_).subspan(std::exchange(shown_, actions_.size()));
}

std::vector<consensus::Action> Group::take_actions() {
  shown_ = 0;
  return std::exchange(actions_, {});
}

void Group::check_invariants() const {
  // The node has looked at no action that is not here: otherwise a later one is never reported.
  MOSAIK_ASSERT(shown_ <= actions_.size());
  // Persist before send: what waits is not durable, and in the order of its tickets.
  MOSAIK_ASSERT(held_.empty() || held_.front().send.after > durable_);
  MOSAIK_ASSERT(std::ranges::is_sorted(held_, {}, [](const Held& held) { return held.send.after; }));
  // A member without an engine has nobody whose actions could wait.
  MOSAIK_ASSERT(engine_ || (actions_.empty() && held_.empty()));
}

Mono Group::next_deadline() const {
  return engine_ ? std::min(mesh_.next_deadline(), engine_->next_deadline()) : mesh_.next_deadline();
}

}  // namespace mosaik::groups
