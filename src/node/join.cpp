// Groups come and go: what may be joined, under which id, and what joining and leaving set going.

#include <algorithm>

#include "base/limits.hpp"
#include "consensus/dynamic/handshake_payload.hpp"
#include "node/impl.hpp"

namespace mosaik::node {

namespace {
std::uint64_t whole_milliseconds(std::chrono::milliseconds value) {
  return static_cast<std::uint64_t>(value.count());
}

consensus::Config engine_config(const PeerId& self, std::uint64_t run, const ConsensusConfig& timing,
                                const MachineSpec& machine, std::uint32_t group_size) {
  consensus::Config out;
  static_cast<consensus::Participation&>(out) = static_cast<const consensus::Participation&>(machine);
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

GroupId id_of_group(const GroupKey& key, const ConsensusConfig& consensus, const MachineSpec* machine) {
  const Digest timing =
      crypto::consensus_digest(whole_milliseconds(consensus.heartbeat_interval),
                               whole_milliseconds(consensus.heartbeat_jitter), consensus.max_missed_heartbeats);
  if (machine == nullptr)
    return crypto::make_group_id(key, timing, crypto::noop_signature(),
                                 crypto::log_replay_signature(crypto::noop_rust_type));
  return crypto::make_group_id(key, timing, machine->signature,
                               crypto::log_replay_signature(machine->rust_type, machine->batch_size));
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
                "quorum floor " + std::to_string(quorum_floor) + " can never be reached: a group has at most " +
                    std::to_string(most_members) + " members; give more than half of those that are meant to be");
  return {};
}

Result<GroupId> Node::join_with(const Now& now, const GroupKey& key, const ConsensusConfig& consensus,
                                const MachineSpec* machine) {
  const TraceScope scope(trace_, now);
  if (const Result<> sound = check(consensus, machine == nullptr ? 0 : machine->quorum_floor); !sound)
    return std::unexpected(sound.error());
  if (machine != nullptr && machine->batch_size == 0)
    return fail(Errc::invalid_argument, "the catch-up batch of a machine must be at least 1");
  const GroupId id = id_of_group(key, consensus, machine);
  if (groups_.contains(id)) return fail(Errc::in_use, "group " + id.brief() + " is joined already");
  if (groups_.size() >= limits::groups)
    return fail(Errc::limit, "this node has joined " + std::to_string(limits::groups) + " groups already");

  const bonds::MeshConfig mesh{
      .network = config_.discovery.network,
      .group = id,
      .key = key,
      .heartbeat = {consensus.heartbeat_interval, consensus.heartbeat_jitter, consensus.max_missed_heartbeats},
      .capabilities = config_.capabilities,
      .engine =
          machine == nullptr ? bonds::EnginePayload{} : consensus::encode_handshake_payload(machine->quorum_floor),
      .dial_eagerly = config_.dial_eagerly};
  const Rng seed = rng_.fork("mesh", groups_.size());
  if (machine == nullptr)
    groups_.try_emplace(id, mesh, self_, verifier_, pool_, seed);
  else
    groups_.try_emplace(id, mesh, self_, verifier_, pool_, seed,
                        engine_config(self_.id(), next_run(), consensus, *machine, remembered_size(id)), now);
  GroupLinks& links = group_links_.try_emplace(id, groups_.at(id), events_, bonded_).first->second;
  protocols_.attach(links);
  joined_.insert(id);
  lonely_told_.erase(id);
  lonely_at_ = std::min(lonely_at_, now.mono + first_look_at_loneliness);
  pace_health();
  report(now, EventKind::joined).group = id;
  if (self_.join(id, now.wall)) self_changed(now);
  introduce(now, id);
  touch();
  return id;
}

// One in each process, and one more each time that a group is joined.
std::uint64_t Node::next_run() {
  return (static_cast<std::uint64_t>(self_.started()) << 16U) + ++joins_;
}

// What is known of peers from now and from before is news for the mesh of a new group.
void Node::introduce(const Now& now, const GroupId& id) {
  for (const identity::EntryRef& entry : discovery_.entries(now))
    with_mesh(now, id, [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.on_entry(step, entry); });
  peer_cache_.for_each([&](const identity::EntryRef& entry) {
    with_mesh(now, id, [&](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.recall(step, entry); });
  });
}

// One Health serves all groups: the slowest heartbeat decides when silence is remarkable.
void Node::pace_health() {
  Nanoseconds base{};
  Nanoseconds jitter{};
  for (const auto& [id, group] : groups_) {
    base = std::max(base, group.mesh().heartbeat().base);
    jitter = std::max(jitter, group.mesh().heartbeat().jitter);
  }
  if (!groups_.empty()) detector_.set_config(detector::Config::for_heartbeat(base, jitter));
}

void Node::leave(const Now& now, const GroupId& id) {
  const TraceScope scope(trace_, now);
  if (joined_.erase(id) == 0) return;
  stop_engine(now, id, {});
  // The entry without the group goes first, so that nobody dials back; then the Departure.
  if (self_.leave(id, now.wall)) self_changed(now);
  drain_events(now);
  with_mesh(now, id, [](bonds::Mesh& mesh, const bonds::MeshContext& step) { mesh.leave(step); });
}

Result<GroupId> Node::join(const Now& now, const GroupKey& key, const ConsensusConfig& consensus) {
  return join_with(now, key, consensus, nullptr);
}
Result<GroupId> Node::join(const Now& now, const GroupKey& key, const ConsensusConfig& consensus,
                           const MachineSpec& machine) {
  return join_with(now, key, consensus, &machine);
}

}  // namespace mosaik::node
