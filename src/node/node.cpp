#include "node/node.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "node/impl.hpp"

namespace mosaik::node {

namespace {
std::uint64_t whole_milliseconds(std::chrono::milliseconds value) {
  return static_cast<std::uint64_t>(value.count());
}

consensus::Config engine_config(const PeerId& self, std::uint64_t run, const ConsensusConfig& timing,
                                const Machine& machine, std::uint32_t group_size) {
  consensus::Config out;
  static_cast<consensus::Participation&>(out) = machine;
  out.self = self;
  out.run = run;
  out.heartbeat_interval = timing.heartbeat_interval;
  out.election_timeout = timing.election_timeout;
  out.election_jitter = timing.election_timeout_jitter;
  out.bootstrap_delay = timing.bootstrap_delay;
  out.group_size = group_size;
  out.store = machine.store;
  out.restored = machine.restored;
  return out;
}
}  // namespace

Node::Impl::Impl(const Config& config_in, crypto::SecretKey key, const Now& now,
                 std::unique_ptr<quic::Transport> transport_in)
    : config(config_in),
      self(std::move(key), config.discovery.network, now.wall, config.memory.started),
      verifier(limits::verified_cache),
      rng(config.seed),
      transport(transport_in ? std::move(transport_in)
                             : std::make_unique<quic::Endpoint>(
                                   self.key(), quic::EndpointConfig{.random_seed = config.secret_seed})),
      endpoint(*transport),
      discovery(config.discovery, self, verifier, pool, rng.fork("discovery")),
      health(health::Config{}, self.id()),
      canaries(self.id(), config.canary),
      opinions(self.id()),
      reception(config.discovery.network, discovery, verifier),
      started_at_(now.mono) {
  self.set_tags(config.tags, now.wall);
  self.set_addresses(config.advertised, now.wall);
  verifier.remember(self.entry());
  for (const auto& bytes : config.memory.entries) dial_list_.recall(verifier.verify(BytesView(bytes)), self.id(), now);
  group_sizes_ = std::move(config.memory.group_sizes);
  config.memory = {};
  for (const std::string& warning : config.warnings) notice(now, warning);
}

void Node::Impl::start(const Now& now) {
  with_discovery([&](quic::Links& links, auto& facts) { discovery.start(now, links, facts); });
}

void Node::Impl::on_timer(const Now& now) {
  note_lateness(now);
  endpoint.on_timer(now);
  settle(now);  // what a timer of the endpoint found out is known before anybody is judged
  with_discovery([&](quic::Links& links, auto& facts) { discovery.on_timer(now, links, facts); });
  with_reception(now, [&](const bonds::Step& step) { reception.on_timer(step); });
  with_canaries(now, [&](auto& effects) { canaries.on_timer(now, endpoint, effects); });
  with_health([&](auto& facts) { health.on_timer(now, facts); });
  with_groups(now, [&](groups::Group& group, const bonds::Step& step) { group.on_timer(step); });
  settle(now);
}

// The sockets are drained and settled before any timer is kept, so the first of both to come after a stall sees it.
void Node::Impl::note_lateness(const Now& now) {
  if (due_ != never && now.mono > due_) health.on_stall(now, now.mono - due_);
  due_ = never;
}

void Node::Impl::settle(const Now& now) {
  note_lateness(now);
  drain_facts(now);
  while (auto event = endpoint.next_event()) {
    route(now, *event);
    drain_facts(now);
  }
  handshakes_waiting_ = endpoint.advance(now);
  while (auto event = endpoint.next_event()) {
    route(now, *event);
    drain_facts(now);
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
  if (handshakes_waiting_ || !facts_.empty()) return Mono{};
  return std::min(endpoint.next_deadline(), cores_due_);
}

Mono Node::Impl::cores_deadline() const {
  Mono next = std::min(
      {discovery.next_deadline(), health.next_deadline(), canaries.next_deadline(), reception.next_deadline()});
  if (dirty_) next = std::min(next, look_due());
  for (const auto& [id, group] : groups) next = std::min(next, group.next_deadline());
  return next;
}

Result<> check(const ConsensusConfig& consensus, std::uint32_t quorum_floor) {
  constexpr std::size_t most_members = limits::mesh_peers + 1;
  if (consensus.heartbeat_interval < 10ms || consensus.heartbeat_interval > 60s)
    return fail(Errc::invalid_argument, "heartbeat interval must be between 10 ms and 60 s");
  if (consensus.heartbeat_jitter < 0ms || consensus.heartbeat_jitter > consensus.heartbeat_interval)
    return fail(Errc::invalid_argument, "heartbeat jitter must be between 0 and the heartbeat interval");
  if (consensus.max_missed_heartbeats == 0)
    return fail(Errc::invalid_argument, "max missed heartbeats must be at least 1");
  if (consensus.election_timeout < 10ms || consensus.election_timeout_jitter < 0ms || consensus.bootstrap_delay < 0ms)
    return fail(Errc::invalid_argument,
                "the election timeout must be at least 10 ms; its jitter and the bootstrap delay at least 0");
  if (quorum_floor > most_members)
    return fail(Errc::invalid_argument,
                "quorum floor " + std::to_string(quorum_floor) + " can never be reached: a group " + "has at most " +
                    std::to_string(most_members) + " members; give more than half of those that are meant to be");
  return {};
}

Result<GroupId> Node::Impl::join(const Now& now, const GroupKey& key, const ConsensusConfig& consensus,
                                 const Machine* machine) {
  if (const Result<> sound = check(consensus, machine == nullptr ? 0 : machine->quorum_floor); !sound)
    return std::unexpected(sound.error());
  if (machine != nullptr && machine->batch_size == 0)
    return fail(Errc::invalid_argument, "the catch-up batch of a machine must be at least 1");
  const Digest timing =
      crypto::consensus_digest(whole_milliseconds(consensus.heartbeat_interval),
                               whole_milliseconds(consensus.heartbeat_jitter), consensus.max_missed_heartbeats);
  const GroupId id = machine == nullptr
                         ? crypto::make_group_id(key, timing, crypto::noop_signature(),
                                                 crypto::log_replay_signature(crypto::noop_rust_type))
                         : crypto::make_group_id(key, timing, machine->signature,
                                                 crypto::log_replay_signature(machine->rust_type, machine->batch_size));
  if (groups.contains(id)) return fail(Errc::in_use, "group " + id.brief() + " is joined already");
  if (groups.size() >= limits::groups)
    return fail(Errc::limit, "this node has joined " + std::to_string(limits::groups) + " groups already");

  const bonds::MeshConfig mesh{
      .network = config.discovery.network,
      .group = id,
      .key = key,
      .heartbeat = {consensus.heartbeat_interval, consensus.heartbeat_jitter, consensus.max_missed_heartbeats},
      .capabilities = config.capabilities,
      .quorum_floor = machine == nullptr ? std::nullopt : std::optional(machine->quorum_floor),
      .dial_eagerly = config.dial_eagerly};
  const Rng seed = rng.fork("mesh", groups.size());
  if (machine == nullptr)
    groups.try_emplace(id, mesh, self, verifier, pool, seed);
  else
    groups.try_emplace(id, mesh, self, verifier, pool, seed,
                       engine_config(self.id(), next_run(), consensus, *machine, remembered_size(id)), now);
  joined_.insert(id);
  pace_health();
  report(now, EventKind::joined).group = id;
  if (self.join(id, now.wall)) self_changed(now);
  for (const identity::EntryRef& entry : discovery.entries(now))
    with_group(now, id, [&](groups::Group& group, const bonds::Step& step) { group.mesh().on_entry(step, entry); });
  dial_list_.for_each([&](const identity::EntryRef& entry) {
    with_group(now, id, [&](groups::Group& group, const bonds::Step& step) { group.mesh().recall(step, entry); });
  });
  touch();
  return id;
}

// One Health serves all groups: the slowest heartbeat decides when silence is remarkable.
void Node::Impl::pace_health() {
  Nanoseconds base{};
  Nanoseconds jitter{};
  for (const auto& [id, group] : groups) {
    base = std::max(base, group.mesh().heartbeat().base);
    jitter = std::max(jitter, group.mesh().heartbeat().jitter);
  }
  if (!groups.empty()) health.set_config(health::Config::for_heartbeat(base, jitter));
}

void Node::Impl::leave(const Now& now, const GroupId& id) {
  if (joined_.erase(id) == 0) return;
  stop_engine(now, id, {});
  // The entry without the group goes first, so that nobody dials back; then the Departure.
  if (self.leave(id, now.wall)) self_changed(now);
  drain_facts(now);
  with_group(now, id, [&](groups::Group& group, const bonds::Step& step) { group.mesh().leave(step); });
}

void Node::Impl::self_changed(const Now& now) {
  verifier.remember(self.entry());
  with_discovery([&](quic::Links& links, auto& facts) { discovery.on_self_changed(now, links, facts); });
  touch();
}

void Node::Impl::request_sync(const Now& now, RequestId request, const PeerId& peer,
                              const std::vector<SocketAddress>& addresses) {
  syncs_[peer].push_back(request);
  with_discovery([&](quic::Links& links, auto& facts) { discovery.sync_with(now, peer, addresses, links, facts); });
}

void Node::Impl::request_ping(const Now& now, RequestId request, const PeerId& peer,
                              const std::vector<SocketAddress>& addresses) {
  pings_[peer].push_back(request);
  with_discovery([&](quic::Links& links, auto& facts) { discovery.ping(now, peer, addresses, links, facts); });
}

void Node::Impl::set_addresses(const Now& now, std::vector<SocketAddress> addresses) {
  config.advertised = addresses;
  if (self.set_addresses(std::move(addresses), now.wall)) self_changed(now);
}

void Node::Impl::on_canary_ended(const Now& now, CanaryId canary, CanaryEnd how) {
  const auto peer = canaries.on_ended(now, canary);
  if (!peer) return;
  const auto end = how == CanaryEnd::finished ? health::CanaryEnd::finished : health::CanaryEnd::broken;
  with_health([&](auto& facts) { health.on_canary_ended(now, *peer, end, facts); });
}

void Node::Impl::on_resolved(const Now& now, std::size_t bootstrap,
                             const Result<std::vector<SocketAddress>>& addresses) {
  with_discovery(
      [&](quic::Links& links, auto& facts) { discovery.on_resolved(now, bootstrap, addresses, links, facts); });
}

// ------------------------------------------------------------------------------------------------ the face

Node::Node(const Config& config, crypto::SecretKey key, const Now& now) : Node(config, std::move(key), now, nullptr) {}
Node::Node(const Config& config, crypto::SecretKey key, const Now& now, std::unique_ptr<quic::Transport> transport)
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
void Node::on_timer(const Now& now) {
  impl_->on_timer(now);
}
void Node::on_resolved(const Now& now, std::size_t bootstrap, const Result<std::vector<SocketAddress>>& addresses) {
  impl_->on_resolved(now, bootstrap, addresses);
}
Result<GroupId> Node::join(const Now& now, const GroupKey& key, const ConsensusConfig& consensus) {
  return impl_->join(now, key, consensus, nullptr);
}
Result<GroupId> Node::join(const Now& now, const GroupKey& key, const ConsensusConfig& consensus,
                           const Machine& machine) {
  return impl_->join(now, key, consensus, &machine);
}
void Node::leave(const Now& now, const GroupId& group) {
  impl_->leave(now, group);
}
void Node::on_canary_opened(const Now&, CanaryId canary) {
  impl_->canaries.on_opened(canary);
}
void Node::on_canary_ended(const Now& now, CanaryId canary, CanaryEnd how) {
  impl_->on_canary_ended(now, canary, how);
}
void Node::sync_with(const Now& now, RequestId request, const PeerId& peer,
                     const std::vector<SocketAddress>& addresses) {
  impl_->request_sync(now, request, peer, addresses);
}
void Node::ping(const Now& now, RequestId request, const PeerId& peer, const std::vector<SocketAddress>& addresses) {
  impl_->request_ping(now, request, peer, addresses);
}
void Node::set_addresses(const Now& now, std::vector<SocketAddress> addresses) {
  impl_->set_addresses(now, std::move(addresses));
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
std::vector<Output> Node::take_outputs() {
  return impl_->take_outputs();
}
void Node::warn(const Now& now, const std::string& text) {
  impl_->warn(now, text);
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
