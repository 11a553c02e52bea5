#include "node/node.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "discovery/bootstrap.hpp"
#include "node/impl.hpp"

namespace mosaik::node {

Node::Impl::Impl(const Config& config_in, crypto::SecretKey key, const Now& now,
                 std::unique_ptr<Transport> transport_in)
    : config(config_in),
      self(std::move(key), config.discovery.network, now.wall, config.memory.started),
      verifier(limits::verified_cache),
      rng(config.seed),
      transport(transport_in ? std::move(transport_in)
                             : std::make_unique<quic::Endpoint>(
                                   self.key(), quic::EndpointConfig{.random_seed = config.secret_seed})),
      endpoint(*transport),
      discovery(config.discovery, self, verifier, pool, rng.fork("discovery")),
      detector(detector::Config{}, self.id()),
      sentinels(self.id(), config.sentinel),
      opinions(self.id()),
      handshake_acceptor(config.discovery.network, discovery, verifier),
      dialing_(endpoint, self.id(), [this](const PeerId& peer) { return vouched(peer); }),
      follow_ups_(limits::follow_ups_burst, limits::follow_ups_rate, now),
      refusals_(limits::refusals_burst, limits::refusals_rate, now),
      started_at_(now.mono) {
  self.set_tags(config.tags, now.wall);
  self.set_addresses(config.advertised, now.wall);
  know_own_addresses();
  verifier.remember(self.entry());
  for (const auto& bytes : config.memory.entries) peer_cache_.recall(verifier.verify(BytesView(bytes)), self.id(), now);
  for (const auto& [peer, at] : config.memory.met)
    if (peer_cache_.note_met(peer, at)) dialing_.recall(peer, at);
  const std::vector<discovery::BootstrapPeer>& contacts = config.discovery.bootstrap;
  for (std::size_t i = 0; i < contacts.size(); ++i)
    if (const auto literal = SocketAddress::parse(discovery::text_of(contacts[i]));
        literal && contacts[i].id != PeerId{})
      dialing_.set_configured(i, contacts[i].id, {*literal});
  group_sizes_.swap(config.memory.group_sizes);
  config.memory = {};
  for (const std::string& warning : config.warnings) notice(now, warning);
}

void Node::Impl::start(const Now& now) {
  with_discovery([&](Links& links, auto& events) { discovery.start(now, links, events); });
}

void Node::Impl::on_timer(const Now& now) {
  note_lateness(now);
  endpoint.on_timer(now);
  settle(now);  // what a timer of the endpoint found out is known before anybody is judged
  dialing_.on_timer(now);
  with_discovery([&](Links& links, auto& events) { discovery.on_timer(now, links, events); });
  with_handshake_acceptor(now, [&](const bonds::MeshContext& step) { handshake_acceptor.on_timer(step); });
  with_sentinels(now, [&](auto& actions) { sentinels.on_timer(now, endpoint, actions); });
  with_detector([&](auto& events) { detector.on_timer(now, events); });
  with_groups(now, [&](groups::Group& group, const bonds::MeshContext& step) { group.on_timer(step); });
  tell_loneliness(now);
  settle(now);
}

// The sockets are drained and settled before any timer is kept, so the first of both to come after a stall sees it.
void Node::Impl::note_lateness(const Now& now) {
  const Nanoseconds late = due_ == never ? 0ns : now.mono - due_;
  due_ = never;
  if (late <= 0ns || !detector.on_stall(now, late)) return;
  for (auto& [id, group] : groups)
    if (consensus::Engine* const engine = group.engine()) engine->on_stall(late);
}

void Node::Impl::settle(const Now& now) {
  note_lateness(now);
  drain_events(now);
  while (auto event = endpoint.next_event()) {
    route(now, *event);
    drain_events(now);
  }
  handshakes_waiting_ = endpoint.advance(now);
  while (auto event = endpoint.next_event()) {
    route(now, *event);
    drain_events(now);
  }
  settle_engines(now);
  look(now);
  cores_due_ = cores_deadline();
  promise(now);
}

void Node::Impl::promise(const Now& now) {
  due_ = std::max(next_deadline(), now.mono);
}

// Writing moves the transport's deadlines on: what was promised before it is not what the caller waits for.
bool Node::Impl::transmit(const Now& now, DatagramBatch& out) {
  const bool more = endpoint.transmit(now, out);
  promise(now);
  return more;
}

Mono Node::Impl::next_deadline() const {
  if (handshakes_waiting_ || !events_.empty()) return Mono{};
  return std::min(endpoint.next_deadline(), cores_due_);
}

Mono Node::Impl::cores_deadline() const {
  Mono next = std::min({discovery.next_deadline(), detector.next_deadline(), sentinels.next_deadline(),
                        handshake_acceptor.next_deadline(), dialing_.next_deadline(), lonely_at_});
  if (dirty_) next = std::min(next, look_due());
  for (const auto& [id, group] : groups) next = std::min(next, group.next_deadline());
  return next;
}

void Node::Impl::self_changed(const Now& now) {
  verifier.remember(self.entry());
  with_discovery([&](Links& links, auto& events) { discovery.on_self_changed(now, links, events); });
  touch();
}

void Node::Impl::request_sync(const Now& now, RequestId request, const PeerId& peer,
                              const std::vector<SocketAddress>& addresses) {
  syncs_[peer].push_back(request);
  with_discovery([&](Links& links, auto& events) { discovery.sync_with(now, peer, addresses, links, events); });
}

void Node::Impl::request_ping(const Now& now, RequestId request, const PeerId& peer,
                              const std::vector<SocketAddress>& addresses) {
  pings_[peer].push_back(request);
  with_discovery([&](Links& links, auto& events) { discovery.ping(now, peer, addresses, links, events); });
}

void Node::Impl::set_addresses(const Now& now, std::vector<SocketAddress> addresses,
                               std::vector<SocketAddress> interfaces) {
  if (addresses == config.advertised && interfaces == config.interfaces) return;
  config.advertised = addresses;
  config.interfaces = std::move(interfaces);
  know_own_addresses();
  with_meshes(now, [](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_own_addresses(step); });
  touch();
  if (self.set_addresses(std::move(addresses), now.wall)) self_changed(now);
}

// One group where it lives is enough to keep it.
Result<> Node::Impl::forget(const Now& now, const PeerId& peer) {
  if (peer == self.id()) return fail(Errc::refused, "that is this node itself; to end it: mosaik leave");
  Result<> out = fail(Errc::not_found, "no member " + peer.brief() + " is known in any group of this node");
  with_meshes(now, [&](bonds::Mesh& mesh, const bonds::MeshContext& step) {
    const Result<> one = mesh.forget(step, peer);
    if (one || one.error().code != Errc::not_found) out = one;
  });
  return out;
}

void Node::Impl::know_own_addresses() {
  std::vector<SocketAddress> reachable = config.advertised;
  reachable.insert(reachable.end(), config.interfaces.begin(), config.interfaces.end());
  dialing_.set_own(config.listening, reachable);
}

bool Node::Impl::vouched(const PeerId& peer) const {
  return std::ranges::any_of(groups, [&](const auto& item) { return item.second.mesh().is_vouched(peer); });
}

void Node::Impl::on_sentinel_ended(const Now& now, detector::SentinelId sentinel, detector::SentinelEnd how) {
  const auto peer = sentinels.on_ended(now, sentinel);
  if (!peer) return;
  with_detector([&](auto& events) {
    if (how == detector::SentinelEnd::finished)
      detector.on_sentinel_finished(now, *peer, events);
    else
      detector.on_sentinel_broken(now, *peer, events);
  });
}

void Node::Impl::on_resolved(const Now& now, std::size_t bootstrap,
                             const Result<std::vector<SocketAddress>>& addresses) {
  const std::vector<discovery::BootstrapPeer>& contacts = config.discovery.bootstrap;
  if (addresses && bootstrap < contacts.size() && contacts[bootstrap].id != PeerId{})
    dialing_.set_configured(bootstrap, contacts[bootstrap].id, *addresses);
  with_discovery([&](Links& links, auto& events) { discovery.on_resolved(now, bootstrap, addresses, links, events); });
}

// ------------------------------------------------------------------------------------------------ the face

Node::Node(const Config& config, crypto::SecretKey key, const Now& now) : Node(config, std::move(key), now, nullptr) {}
Node::Node(const Config& config, crypto::SecretKey key, const Now& now, std::unique_ptr<Transport> transport)
    : impl_(std::make_unique<Impl>(config, std::move(key), now, std::move(transport))) {}
Node::~Node() = default;

void Node::start(const Now& now) {
  impl_->start(now);
}
void Node::on_datagram(const Now& now, const DatagramPath& path, BytesView bytes) {
  impl_->endpoint.on_datagram(now, path, bytes);
}
void Node::on_unreachable(const Now& now, const SocketAddress& remote, BytesView quoted, Refusal refusal) {
  impl_->endpoint.on_unreachable(now, remote, quoted, refusal);
}
void Node::on_too_big(const Now& now, const SocketAddress& remote, BytesView quoted, const TooBig& what) {
  impl_->endpoint.on_too_big(now, remote, quoted, what);
}
void Node::on_timer(const Now& now) {
  impl_->on_timer(now);
}
void Node::on_resolved(const Now& now, std::size_t bootstrap, const Result<std::vector<SocketAddress>>& addresses) {
  impl_->on_resolved(now, bootstrap, addresses);
}
void Node::on_sentinel_opened(const Now& now, detector::SentinelId sentinel) {
  impl_->sentinels.on_opened(now, sentinel);
}
void Node::on_sentinel_ended(const Now& now, detector::SentinelId sentinel, detector::SentinelEnd how) {
  impl_->on_sentinel_ended(now, sentinel, how);
}
Result<> Node::forget(const Now& now, const PeerId& peer) {
  return impl_->forget(now, peer);
}
void Node::sync_with(const Now& now, RequestId request, const PeerId& peer,
                     const std::vector<SocketAddress>& addresses) {
  impl_->request_sync(now, request, peer, addresses);
}
void Node::ping(const Now& now, RequestId request, const PeerId& peer, const std::vector<SocketAddress>& addresses) {
  impl_->request_ping(now, request, peer, addresses);
}
void Node::set_addresses(const Now& now, std::vector<SocketAddress> addresses, std::vector<SocketAddress> interfaces) {
  impl_->set_addresses(now, std::move(addresses), std::move(interfaces));
}
void Node::settle(const Now& now) {
  impl_->settle(now);
}
bool Node::transmit(const Now& now, DatagramBatch& out) {
  return impl_->transmit(now, out);
}
Mono Node::next_deadline() const {
  return impl_->next_deadline();
}
std::vector<Action> Node::take_actions() {
  return impl_->take_actions();
}
void Node::warn(const Now& now, const std::string& text) {
  impl_->notice(now, text);
}
Memory Node::memory() const {
  return impl_->memory();
}
bool Node::take_memory_changed() {
  return impl_->take_memory_changed();
}
const PeerId& Node::id() const noexcept {
  return impl_->self.id();
}
bool Node::changed() const noexcept {
  return impl_->changed();
}
std::shared_ptr<const NodeStatus> Node::snapshot(const Now& now) {
  return impl_->snapshot(now);
}
std::vector<identity::EntryRef> Node::catalog(const Now& now) const {
  return impl_->discovery.entries(now);
}
identity::EntryRef Node::own_entry() const {
  return impl_->self.entry();
}
std::uint64_t Node::verifications() const noexcept {
  return impl_->verifier.verifications();
}
std::size_t Node::connections() const noexcept {
  return impl_->endpoint.connections();
}

}  // namespace mosaik::node
