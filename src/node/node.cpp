#include "node/node.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "discovery/bootstrap/bootstrap.hpp"
#include "node/impl.hpp"
#include "transport/quic/quic.hpp"

namespace mosaik::node {

Node::Node(const Config& config_in, crypto::SecretKey key, const Now& now, std::unique_ptr<Transport> transport_in)
    : config_(config_in),
      self_(std::move(key), config_.discovery.network, now.wall, config_.memory.started),
      verifier_(limits::verified_cache),
      rng_(config_.seed),
      transport_(transport_in
                     ? std::move(transport_in)
                     : quic::make_endpoint(self_.key(), quic::EndpointConfig{.random_seed = config_.secret_seed})),
      endpoint_(*transport_),
      discovery_(config_.discovery, self_, verifier_, pool_, rng_.fork("discovery")),
      detector_(detector::Config{}, self_.id()),
      sentinels_(self_.id(), config_.sentinel),
      opinions_(self_.id()),
      handshake_acceptor_(config_.discovery.network, discovery_, verifier_),
      dialing_(endpoint_, self_.id(), [this](const PeerId& peer) { return vouched(peer); }),
      protocols_(endpoint_, dialing_),
      discovery_protocol_(discovery_, events_),
      bond_acceptor_(handshake_acceptor_, joined_, group_links_, protocols_, events_),
      follow_ups_(limits::follow_ups_burst, limits::follow_ups_rate, now.mono),
      refusals_(limits::refusals_burst, limits::refusals_rate, now.mono),
      started_at_(now.mono) {
  protocols_.serve(Alpn::sync, discovery_protocol_);
  protocols_.serve(Alpn::ping, discovery_protocol_);
  protocols_.serve(Alpn::announce, discovery_protocol_);
  protocols_.serve(Alpn::groups, bond_acceptor_);
  self_.set_tags(config_.tags, now.wall);
  self_.set_addresses(config_.advertised, now.wall);
  know_own_addresses();
  verifier_.remember(self_.entry());
  for (const auto& bytes : config_.memory.entries)
    peer_cache_.recall(verifier_.verify(BytesView(bytes)), self_.id(), now);
  for (const auto& [peer, at] : config_.memory.met)
    if (peer_cache_.note_met(peer, at)) dialing_.recall(peer, at);
  const std::vector<discovery::BootstrapPeer>& contacts = config_.discovery.bootstrap;
  for (std::size_t i = 0; i < contacts.size(); ++i)
    if (const auto literal = SocketAddress::parse(discovery::text_of(contacts[i]));
        literal && contacts[i].id != PeerId{})
      dialing_.set_configured(i, contacts[i].id, {*literal});
  group_sizes_.swap(config_.memory.group_sizes);
  config_.memory = {};
  for (const std::string& warning : config_.warnings) notice(now, warning);
}

void Node::start(const Now& now) {
  const TraceScope scope(trace_, now);
  with_discovery([&](Links& links, auto& events) { discovery_.start(now, links, events); });
}

void Node::on_timer(const Now& now) {
  const TraceScope scope(trace_, now);
  note_lateness(now);
  endpoint_.on_timer(now);
  settle(now);  // what a timer of the endpoint found out is known before anybody is judged
  dialing_.on_timer(now);
  protocols_.on_timer(now);
  with_sentinels(now, [&](auto& actions) { sentinels_.on_timer(now, endpoint_, actions); });
  with_detector([&](auto& events) { detector_.on_timer(now, events); });
  with_groups(now, [&](groups::Group& group, const bonds::MeshContext& step) { group.on_timer(step); });
  tell_loneliness(now);
  settle(now);
}

// The sockets are drained and settled before any timer is kept, so the first of both to come after a stall sees it.
void Node::note_lateness(const Now& now) {
  const Nanoseconds late = due_ == never ? 0ns : now.mono - due_;
  due_ = never;
  if (late <= 0ns || !detector_.on_stall(now, late)) return;
  for (auto& [id, group] : groups_)
    if (consensus::Engine* const engine = group.engine()) engine->on_stall(late);
}

void Node::settle(const Now& now) {
  const TraceScope scope(trace_, now);
  note_lateness(now);
  drain_events(now);
  while (auto event = endpoint_.next_event()) {
    route(now, *event);
    drain_events(now);
  }
  handshakes_waiting_ = endpoint_.advance(now);
  while (auto event = endpoint_.next_event()) {
    route(now, *event);
    drain_events(now);
  }
  settle_engines(now);
  look(now);
  cores_due_ = cores_deadline();
  promise(now);
}

void Node::promise(const Now& now) {
  due_ = std::max(next_deadline(), now.mono);
}

// Writing moves the transport's deadlines on: what was promised before it is not what the caller waits for.
bool Node::transmit(const Now& now, DatagramBatch& out) {
  const bool more = endpoint_.transmit(now, out);
  promise(now);
  return more;
}

Mono Node::next_deadline() const {
  if (handshakes_waiting_ || !events_.empty()) return Mono{};
  return std::min(endpoint_.next_deadline(), cores_due_);
}

Mono Node::cores_deadline() const {
  Mono next = std::min({protocols_.next_deadline(), detector_.next_deadline(), sentinels_.next_deadline(),
                        dialing_.next_deadline(), lonely_at_});
  if (dirty_) next = std::min(next, look_due());
  for (const auto& [id, group] : groups_) next = std::min(next, group.next_deadline());
  return next;
}

void Node::check_invariants() const {
  // Protects memory safety: a group has a handler of its links as long as it is there.
  MOSAIK_ASSERT(groups_.size() == group_links_.size());
  for (const auto& [id, links] : group_links_) MOSAIK_ASSERT(groups_.contains(id));
  // Protects failure detection: what is heard on a bond's link is a sign of life of a peer of a group of ours.
  for (const auto& [link, peer] : bonded_) MOSAIK_ASSERT(protocols_.owner(link) != nullptr && peer != PeerId{});
  protocols_.check_invariants();
  dialing_.check_invariants();
  endpoint_.check_invariants();
  discovery_.check_invariants();
  for (const auto& [id, group] : groups_) group.mesh().check_invariants();
  handshake_acceptor_.check_invariants();
  detector_.check_invariants();
  sentinels_.check_invariants();
  opinions_.check_invariants();
}

void Node::self_changed(const Now& now) {
  verifier_.remember(self_.entry());
  with_discovery([&](Links& links, auto& events) { discovery_.on_self_changed(now, links, events); });
  touch();
}

void Node::sync_with(const Now& now, RequestId request, const PeerId& peer,
                     const std::vector<SocketAddress>& addresses) {
  const TraceScope scope(trace_, now);
  syncs_[peer].push_back(request);
  with_discovery([&](Links& links, auto& events) { discovery_.sync_with(now, peer, addresses, links, events); });
}

void Node::ping(const Now& now, RequestId request, const PeerId& peer, const std::vector<SocketAddress>& addresses) {
  const TraceScope scope(trace_, now);
  pings_[peer].push_back(request);
  with_discovery([&](Links& links, auto& events) { discovery_.ping(now, peer, addresses, links, events); });
}

void Node::set_addresses(const Now& now, std::vector<SocketAddress> addresses, std::vector<SocketAddress> interfaces) {
  const TraceScope scope(trace_, now);
  if (addresses == config_.advertised && interfaces == config_.interfaces) return;
  config_.advertised = addresses;
  config_.interfaces = std::move(interfaces);
  know_own_addresses();
  with_meshes(now, [](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_own_addresses(step); });
  touch();
  if (self_.set_addresses(std::move(addresses), now.wall)) self_changed(now);
}

// One group where it lives is enough to keep it.
Result<> Node::forget(const Now& now, const PeerId& peer) {
  const TraceScope scope(trace_, now);
  if (peer == self_.id()) return fail(Errc::refused, "that is this node itself; to end it: mosaik leave");
  Result<> out = fail(Errc::not_found, "no member " + peer.brief() + " is known in any group of this node");
  with_meshes(now, [&](bonds::Mesh& mesh, const bonds::MeshContext& step) {
    const Result<> one = mesh.forget(step, peer);
    if (one || one.error().code != Errc::not_found) out = one;
  });
  return out;
}

void Node::know_own_addresses() {
  std::vector<SocketAddress> reachable = config_.advertised;
  reachable.insert(reachable.end(), config_.interfaces.begin(), config_.interfaces.end());
  dialing_.set_own(config_.listening, reachable);
}

bool Node::vouched(const PeerId& peer) const {
  return std::ranges::any_of(groups_, [&](const auto& item) { return item.second.mesh().is_vouched(peer); });
}

void Node::on_sentinel_ended(const Now& now, detector::SentinelId sentinel, detector::SentinelEnd how) {
  const TraceScope scope(trace_, now);
  const auto peer = sentinels_.on_ended(now, sentinel);
  if (!peer) return;
  with_detector([&](auto& events) {
    if (how == detector::SentinelEnd::finished)
      detector_.on_sentinel_finished(now, *peer, events);
    else
      detector_.on_sentinel_broken(now, *peer, events);
  });
}

void Node::on_resolved(const Now& now, std::size_t bootstrap, const Result<std::vector<SocketAddress>>& addresses) {
  const TraceScope scope(trace_, now);
  const std::vector<discovery::BootstrapPeer>& contacts = config_.discovery.bootstrap;
  if (addresses && bootstrap < contacts.size() && contacts[bootstrap].id != PeerId{})
    dialing_.set_configured(bootstrap, contacts[bootstrap].id, *addresses);
  with_discovery([&](Links& links, auto& events) { discovery_.on_resolved(now, bootstrap, addresses, links, events); });
}

Node::Node(const Config& config, crypto::SecretKey key, const Now& now) : Node(config, std::move(key), now, nullptr) {}
Node::~Node() = default;

void Node::on_datagram(const Now& now, const DatagramPath& path, BytesView bytes) {
  const TraceScope scope(trace_, now);
  endpoint_.on_datagram(now, path, bytes);
}
void Node::on_unreachable(const Now& now, const SocketAddress& remote, BytesView quoted, Refusal refusal) {
  const TraceScope scope(trace_, now);
  endpoint_.on_unreachable(now, remote, quoted, refusal);
}
void Node::on_too_big(const Now& now, const SocketAddress& remote, BytesView quoted, const TooBig& what) {
  endpoint_.on_too_big(now, remote, quoted, what);
}
void Node::on_sentinel_opened(const Now& now, detector::SentinelId sentinel) {
  sentinels_.on_opened(now, sentinel);
}

}  // namespace mosaik::node
