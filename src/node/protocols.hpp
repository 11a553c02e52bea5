#pragma once
/// The handlers of a node's own protocols: each leads the events of its links to a core, and that core's events into
/// the node's queue.

#include <set>

#include "bonds/handshake_acceptor.hpp"
#include "groups/group.hpp"
#include "node/event_queue.hpp"
#include "node/protocol_registry.hpp"

namespace mosaik::node {

/// Sync, ping and announce.
class DiscoveryProtocol final : public ProtocolHandler {
 public:
  DiscoveryProtocol(discovery::Discovery& discovery, EventQueue& events) noexcept
      : discovery_(discovery), events_(events) {}

  void on_opened(const LinkContext& context, const LinkOpened& opened, AdmissionClass) override {
    pass(context, opened);
  }
  void on_frame(const LinkContext& context, const LinkFrame& frame) override { pass(context, frame); }
  void on_ended(const LinkContext& context, const LinkEnded& ended) override { pass(context, ended); }
  void on_oversized(const LinkContext& context, const LinkOversized& oversized) override { pass(context, oversized); }
  void on_closed(const LinkContext& context, const LinkClosed& closed) override { pass(context, closed); }
  void on_active(const LinkContext& context, const LinkActive& active) override { pass(context, active); }
  void on_unreachable(const LinkContext& context, const LinkUnreachable& unreachable) override {
    pass(context, unreachable);
  }
  void on_lossy(const LinkContext& context, const LinkLossy& lossy) override { pass(context, lossy); }
  void on_timer(const LinkContext& context) override {
    std::vector<discovery::DiscoveryEvent> events;
    discovery_.on_timer(context.now, context.links, events);
    events_.push(std::move(events));
  }
  [[nodiscard]] Mono next_deadline() const override { return discovery_.next_deadline(); }

 private:
  void pass(const LinkContext& context, const LinkEvent& event) {
    std::vector<discovery::DiscoveryEvent> events;
    discovery_.on_link(context.now, event, context.links, events);
    events_.push(std::move(events));
  }

  discovery::Discovery& discovery_;
  EventQueue& events_;
};

/// The bonds of one group: dialed by its mesh, or handed over by BondAcceptor.
class GroupLinks final : public ProtocolHandler {
 public:
  /// `bonded`: the links of bonds that are up.
  GroupLinks(groups::Group& group, EventQueue& events, const std::map<LinkId, PeerId>& bonded) noexcept
      : group_(group), events_(events), bonded_(bonded) {}

  void on_opened(const LinkContext& context, const LinkOpened& opened, AdmissionClass) override {
    run(context, [&](const bonds::MeshContext& step) { group_.mesh().on_opened(step, opened); });
  }
  void on_arrival(const LinkContext& context, const bonds::IncomingHandshake& arrival) {
    run(context, [&](const bonds::MeshContext& step) { group_.mesh().on_arrival(step, arrival); });
  }
  void on_frame(const LinkContext& context, const LinkFrame& frame) override {
    run(context, [&](const bonds::MeshContext& step) { group_.mesh().on_frame(step, frame.link, frame.payload); });
  }
  void on_ended(const LinkContext& context, const LinkEnded& ended) override {
    run(context, [&](const bonds::MeshContext& step) { group_.mesh().on_ended(step, ended.link, ended.clean); });
  }
  void on_oversized(const LinkContext& context, const LinkOversized& oversized) override {
    run(context, [&](const bonds::MeshContext& step) { group_.mesh().on_oversized(step, oversized.link); });
  }
  void on_closed(const LinkContext& context, const LinkClosed& closed) override {
    run(context, [&](const bonds::MeshContext& step) { group_.mesh().on_closed(step, closed.link, closed.close); });
  }
  void on_growing(const LinkContext& context, const LinkGrowing& growing) override {
    const auto peer = bonded_.find(growing.link);
    if (peer == bonded_.end()) return;
    run(context,
        [&](const bonds::MeshContext& step) { group_.on_growing(step, peer->second, growing.link, growing.head); });
  }
  /// Runs `call` with a context of the group's mesh.
  template <class F>
  void run(const LinkContext& context, F&& call) {
    std::vector<bonds::MeshEvent> events;
    call(bonds::MeshContext{context.now, context.links, events});
    events_.push(group_.mesh().id(), std::move(events));
  }

 private:
  groups::Group& group_;
  EventQueue& events_;
  const std::map<LinkId, PeerId>& bonded_;
};

/// Links of peers that want a bond, until they have named a group.
class BondAcceptor final : public ProtocolHandler {
 public:
  BondAcceptor(bonds::HandshakeAcceptor& acceptor, const std::set<GroupId>& joined,
               std::map<GroupId, GroupLinks>& groups, ProtocolRegistry& registry, EventQueue& events) noexcept
      : acceptor_(acceptor), joined_(joined), groups_(groups), registry_(registry), events_(events) {}

  void on_opened(const LinkContext& context, const LinkOpened& opened, AdmissionClass standing) override {
    run(context, [&](const bonds::MeshContext& step) { acceptor_.on_opened(step, opened, standing); });
  }
  void on_frame(const LinkContext& context, const LinkFrame& frame) override {
    std::optional<bonds::IncomingHandshake> arrival;
    run(context, [&](const bonds::MeshContext& step) {
      arrival = acceptor_.on_frame(step, frame.link, frame.payload, joined_);
    });
    if (!arrival) return;
    GroupLinks& group = groups_.at(arrival->group);
    registry_.hand_over(frame.link, group);
    ProtocolRegistry::Port links = registry_.port(group);
    group.on_arrival({context.now, links}, *arrival);
  }
  void on_ended(const LinkContext& context, const LinkEnded& ended) override {
    run(context, [&](const bonds::MeshContext& step) { acceptor_.on_ended(step, ended.link, ended.clean); });
  }
  void on_oversized(const LinkContext& context, const LinkOversized& oversized) override {
    run(context, [&](const bonds::MeshContext& step) { acceptor_.on_oversized(step, oversized.link); });
  }
  void on_closed(const LinkContext&, const LinkClosed& closed) override { acceptor_.on_closed(closed.link); }
  void on_timer(const LinkContext& context) override {
    run(context, [&](const bonds::MeshContext& step) { acceptor_.on_timer(step); });
  }
  [[nodiscard]] Mono next_deadline() const override { return acceptor_.next_deadline(); }

 private:
  template <class F>
  void run(const LinkContext& context, F&& call) {
    std::vector<bonds::MeshEvent> events;
    call(bonds::MeshContext{context.now, context.links, events});
    events_.push(GroupId{}, std::move(events));
  }

  bonds::HandshakeAcceptor& acceptor_;
  const std::set<GroupId>& joined_;
  std::map<GroupId, GroupLinks>& groups_;
  ProtocolRegistry& registry_;
  EventQueue& events_;
};

}  // namespace mosaik::node
