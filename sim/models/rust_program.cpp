// A model of the crate as a program of the world (docs/protocol/groups.md 3.4 to 3.6, 4.2 to 4.4): both ends dial
// without any order or tie-break, the first bond in the local map wins and later ones get 30429, nothing is retried,
// tails are ignored, strangers get 401 before their frame is read, unknown messages end the bond.
//
// The impostor speaks the same, names the group, and does not know its secret: it takes every proof for good, keeps
// those that it sees, and offers them as its own.

#include <algorithm>

#include "base/limits.hpp"
#include "bonds/heartbeat.hpp"
#include "crypto/group_key.hpp"
#include "crypto/hash.hpp"
#include "sim/world/program.hpp"
#include "wire/messages.hpp"

namespace mosaik::sim {

namespace {

RustTiming raft_timing(const Launch& launch) {
  return {.heartbeat = launch.timing.heartbeat_interval,
          .election = launch.timing.election_timeout,
          .jitter = launch.timing.election_timeout_jitter,
          .bootstrap = launch.timing.bootstrap_delay,
          .batch = launch.replication->machine.batch_size};
}

class RustProgram final : public Program, CommandPort {
 public:
  RustProgram(const Launch& launch, const Now& now, std::unique_ptr<Transport> transport, bool honest)
      : launch_(launch),
        honest_(honest),
        key_(crypto::SecretKey::from_seed(launch.key_seed)),
        network_(id_of<NetworkId>(launch.network)),
        secret_(GroupKey::from_secret(launch.secret)),
        verifier_(limits::verified_cache),
        rng_(launch.seed),
        pulse_(rng_.fork("heartbeat")),
        transport_(std::move(transport)),
        started_(now.wall.milliseconds),
        updated_(now.wall.milliseconds) {
    sign(now);
    for (std::size_t i = 0; i < launch_.invented; ++i) invent(now, i);
  }

  void start(const Now& now) override { ask_bootstrap(now); }
  void on_datagram(const Now& now, const DatagramPath& path, BytesView bytes) override {
    transport_->on_datagram(now, path, bytes);
  }
  void on_unreachable(const Now& now, const SocketAddress& remote, BytesView quoted) override {
    transport_->on_unreachable(now, remote, quoted, Refusal::port);
  }
  void turn(const Now& now) override {
    settle(now);
    if (next_deadline() > now.mono) return;
    transport_->on_timer(now);
    settle(now);
    on_timer(now);
    settle(now);
    if (raft_ && raft_->next_deadline() <= now.mono) raft_->on_timer(now.mono);
    speak_raft();
    if (launch_.greedy && now.mono >= flood_at_) flood(now);
  }
  bool transmit(const Now& now, DatagramBatch& out) override { return transport_->transmit(now, out); }
  [[nodiscard]] Mono next_deadline() const override {
    if (more_) return Mono{};
    Mono next = std::min(transport_->next_deadline(), ask_at_);
    for (const auto& [link, task] : tasks_) next = std::min(next, task.deadline);
    for (const auto& [peer, bond] : bonds_) next = std::min(next, bond.heartbeat.tick());
    if (launch_.greedy) next = std::min(next, flood_at_);
    return raft_ ? std::min(next, raft_->next_deadline()) : next;
  }

  void join(const Now& now) override {
    if (joined_) return;
    joined_ = true;
    if (launch_.replication) raft_.emplace(key_.id(), rng_.fork("raft"), raft_timing(launch_), now.mono);
    sign(now);
    attempt_all(now);
  }
  /// The handle is dropped: every bond closes with 102, no Departure.
  void leave(const Now& now) override {
    joined_ = false;
    raft_.reset();
    sign(now);
    while (!bonds_.empty()) {
      const auto [peer, link] = std::pair(bonds_.begin()->first, bonds_.begin()->second.link);
      transport_->close(now, link, CloseCode::cancelled, CloseMode::at_once);
      drop(now, peer, "us", 102);
    }
  }
  [[nodiscard]] JoinedGroups joined() const override { return {.first = joined_}; }
  [[nodiscard]] CommandPort* commands() override { return raft_ ? this : nullptr; }
  void sync_with(const Now& now, const PeerId& peer, const SocketAddress& address) override {
    dial_sync(now, peer, {address});
  }

  [[nodiscard]] std::vector<Event> take_events(const Now&) override {
    std::vector<Event> out = std::exchange(events_, {});
    if (!honest_) out.clear();  // what a liar says of itself counts for nothing
    return out;
  }
  [[nodiscard]] std::shared_ptr<const NodeStatus> status() const override { return nullptr; }
  [[nodiscard]] std::vector<identity::EntryRef> catalog(const Now&) const override {
    std::vector<identity::EntryRef> out;
    for (const auto& [peer, entry] : known_) out.push_back(entry);
    return out;
  }
  [[nodiscard]] identity::EntryRef own_entry() const override { return entry_; }
  [[nodiscard]] std::vector<identity::EntryRef> invented() const override { return invented_; }
  [[nodiscard]] std::uint64_t verifications() const override { return verifier_.verifications(); }
  [[nodiscard]] std::size_t connections() const override { return transport_->connections(); }
  [[nodiscard]] const RustMember* rust_member() const override { return raft_ ? &*raft_ : nullptr; }
  /// The crate's feed(): nobody is told what becomes of it.
  void execute(const Now& now, consensus::CallId call, const std::vector<Number>& numbers, Mono) override {
    std::vector<Blob> commands;
    for (const Number number : numbers) commands.push_back(command_of(number));
    static_cast<void>(raft_->feed(now.mono, std::move(commands), call.value));
    speak_raft();
  }

 private:
  enum class Stage : std::uint8_t { dialing, initiating, accepting, syncing, serving };
  struct Task {
    PeerId peer;
    Stage stage{};
    Mono deadline = never;
  };
  struct LiveBond {
    LinkId link;
    SessionId session;
    bonds::Heartbeat heartbeat;
  };

  void sign(const Now& now) {
    PeerEntry entry;
    entry.protocol = "0.4.2";
    entry.network = network_;
    updated_ = std::max(updated_ + 1, now.wall.milliseconds);
    entry.version = {.started = started_, .updated = updated_};
    entry.id = key_.id();
    entry.addresses.assign(launch_.advertised.begin(), launch_.advertised.end());
    if (joined_) entry.groups = {launch_.group};
    entry_ = identity::sign(entry, key_);
  }

  // ---------------------------------------------------------------------------------------------- links

  void settle(const Now& now) {
    const auto route = [&] {
      while (const auto event = transport_->next_event()) on_event(now, *event);
    };
    route();
    more_ = transport_->advance(now);
    route();
  }

  void on_event(const Now& now, const LinkEvent& event) {
    if (const auto* opened = std::get_if<LinkOpened>(&event)) return on_opened(now, *opened);
    if (const auto* frame = std::get_if<LinkFrame>(&event)) return on_frame(now, frame->link, frame->payload);
    if (const auto* closed = std::get_if<LinkClosed>(&event)) return on_closed(now, closed->link, closed->close);
  }

  template <class F>
  void send(LinkId link, F&& encode) {
    std::vector<std::uint8_t> out;
    encode(out);
    static_cast<void>(transport_->send(link, SendClass::liveness, pool_.make(out)));
  }
  void refuse(const Now& now, LinkId link, CloseCode code) {
    tasks_.erase(link);
    transport_->close(now, link, code, CloseMode::at_once);
  }
  [[nodiscard]] crypto::ExporterKey ekm(LinkId link) const {
    const auto bytes = transport_->exporter(link, launch_.group.view());
    return crypto::ExporterKey(bytes ? *bytes : Bytes32{});
  }
  [[nodiscard]] crypto::Proof proof(LinkId link) {
    if (honest_ || stolen_.empty()) return crypto::make_proof(secret_, ekm(link), key_.id());
    return stolen_[rng_.below(stolen_.size())];
  }
  [[nodiscard]] bool believes(LinkId link, const PeerId& peer, const crypto::Proof& proof) {
    if (honest_) return crypto::verify_proof(secret_, ekm(link), peer, proof);
    if (stolen_.size() < 16) stolen_.push_back(proof);
    return true;
  }
  [[nodiscard]] std::vector<BytesView> list() const {
    std::vector<BytesView> out;
    for (const auto& [peer, bond] : bonds_)
      if (const auto found = known_.find(peer); found != known_.end()) out.emplace_back(found->second->bytes);
    return out;
  }

  void on_opened(const Now& now, const LinkOpened& opened) {
    if (opened.side == Side::acceptor) {
      if (opened.alpn == Alpn::sync) {
        transport_->set_frame_limit(opened.link, limits::sync_frame);
        tasks_[opened.link] = {opened.peer, Stage::serving, now.mono + 10s};
        return;
      }
      if (opened.alpn != Alpn::groups) return refuse(now, opened.link, CloseCode::disconnect);
      if (honest_ && !known_.contains(opened.peer)) return refuse(now, opened.link, CloseCode::unknown_peer);
      tasks_[opened.link] = {opened.peer, Stage::accepting, now.mono + 2s};
      return;
    }
    const auto task = tasks_.find(opened.link);
    if (task == tasks_.end()) return;
    if (task->second.stage == Stage::syncing) {
      transport_->set_frame_limit(opened.link, limits::sync_frame);
      return send(opened.link, [&](auto& out) { encode_catalog(out); });
    }
    task->second = {opened.peer, Stage::initiating, now.mono + 2s};
    const crypto::Proof mine = proof(opened.link);
    send(opened.link,
         [&](auto& out) { wire::encode_handshake_start(network_, launch_.group, mine.bytes(), list(), {}, out); });
  }

  void on_frame(const Now& now, LinkId link, BytesView payload) {
    if (const auto found = tasks_.find(link); found != tasks_.end()) {
      const Task task = found->second;
      switch (task.stage) {
        case Stage::accepting: return on_start(now, link, task.peer, payload);
        case Stage::initiating: return on_end(now, link, task.peer, payload);
        case Stage::serving: send(link, [&](auto& out) { encode_catalog(out); }); return take_catalog(now, payload);
        case Stage::syncing:
          refuse(now, link, CloseCode::success);
          take_catalog(now, payload);
          if (const auto entry = known_.find(task.peer); entry != known_.end()) attempt(now, entry->second);
          return;
        case Stage::dialing: return;
      }
    }
    for (auto& [peer, bond] : bonds_)
      if (bond.link == link) return on_message(now, peer, bond, payload);
  }

  void on_closed(const Now& now, LinkId link, const CloseInfo& close) {
    const auto task = tasks_.extract(link);
    const bool dialed = task && (task.mapped().stage == Stage::dialing || task.mapped().stage == Stage::initiating);
    if (dialed && close.is(CloseCode::unknown_peer))
      if (const auto entry = known_.find(task.mapped().peer); entry != known_.end())
        dial_sync(now, task.mapped().peer, entry->second->entry.sockets());
    for (const auto& [peer, bond] : bonds_) {
      if (bond.link != link) continue;
      const char* const by = close.by == ClosedBy::peer              ? "peer"
                             : close.by == ClosedBy::stateless_reset ? "reset"
                                                                     : "transport";
      return drop(now, PeerId(peer), by, close.code);
    }
  }

  void on_timer(const Now& now) {
    if (now.mono >= ask_at_) ask_bootstrap(now);
    for (const auto& [link, task] : std::map(tasks_)) {
      if (task.deadline > now.mono) continue;
      refuse(now, link, task.stage == Stage::accepting ? CloseCode::timeout : CloseCode::disconnect);
    }
    std::vector<PeerId> failed;
    for (auto& [peer, bond] : bonds_) {
      const bool tick = bond.heartbeat.on_time(now, pulse_);
      if (bond.heartbeat.alert())
        failed.push_back(peer);
      else if (tick)
        send(bond.link, [](auto& out) { wire::encode_ping({}, out); });
    }
    for (const PeerId& peer : failed) {
      transport_->close(now, bonds_.at(peer).link, CloseCode::timeout, CloseMode::at_once);
      drop(now, peer, "presumed", 30408);
    }
  }

  // ---------------------------------------------------------------------------------------------- catalog

  void encode_catalog(std::vector<std::uint8_t>& out) const {
    std::vector<BytesView> views{entry_->bytes};
    for (const auto& [peer, entry] : known_) views.emplace_back(entry->bytes);
    for (const auto& entry : invented_)
      if (!known_.contains(entry->id())) views.emplace_back(entry->bytes);
    std::ranges::sort(views,
                      [](BytesView one, BytesView other) { return std::ranges::lexicographical_compare(one, other); });
    wire::encode_snapshot(views, out);
  }
  void invent(const Now& now, std::size_t number) {
    const crypto::SecretKey key =
        crypto::SecretKey::from_seed(crypto::hash({bytes_of("invented " + std::to_string(number)), launch_.key_seed}));
    PeerEntry entry;
    entry.protocol = identity::protocol;
    entry.network = network_;
    entry.version = {now.wall.milliseconds, now.wall.milliseconds};
    entry.id = key.id();
    entry.addresses.emplace_back(launch_.victim);
    entry.groups.push_back(launch_.group);
    invented_.push_back(identity::sign(entry, key));
  }
  void take_catalog(const Now& now, BytesView payload) {
    const auto snapshot = wire::decode_snapshot(payload);
    if (!snapshot) return;
    for (const wire::SignedEntryView& view : *snapshot)
      if (const auto entry = verifier_.verify(view)) meet(now, *entry);
  }
  void meet(const Now& now, const identity::EntryRef& entry) {
    if (entry->id() == key_.id() || entry->entry.network != network_) return;
    identity::EntryRef& known = known_[entry->id()];
    if (known && known->entry.version >= entry->entry.version) return;
    known = entry;
    // A change of the catalog is a trigger for everyone in it (docs/protocol/groups.md 3.7).
    attempt_all(now);
  }
  /// As its README tells people: until it knows somebody, it is told to sync.
  void ask_bootstrap(const Now& now) {
    ask_at_ = never;
    if (!known_.empty()) return;
    ask_at_ = now.mono + 3s;
    for (std::size_t i = 0; i < launch_.bootstrap.size(); ++i)
      dial_sync(now, launch_.bootstrap[i].id, {launch_.bootstrap_addresses[i]});
  }
  void dial_sync(const Now& now, const PeerId& peer, const std::vector<SocketAddress>& addresses) {
    const auto link = transport_->dial(now, {peer, addresses, Alpn::sync});
    if (link) tasks_[*link] = {peer, Stage::syncing, now.mono + 10s};
  }

  // ---------------------------------------------------------------------------------------------- bonds

  void attempt_all(const Now& now) {
    const auto all = known_;
    for (const auto& [peer, entry] : all) attempt(now, entry);
  }
  void attempt(const Now& now, const identity::EntryRef& entry) {
    if (!joined_ || entry->id() == key_.id() || bonds_.contains(entry->id()) || !entry->names(launch_.group)) return;
    const auto link = transport_->dial(now, {entry->id(), entry->entry.sockets(), Alpn::groups});
    if (link) tasks_[*link] = {entry->id(), Stage::dialing};
  }

  void on_start(const Now& now, LinkId link, const PeerId& peer, BytesView payload) {
    const auto start = wire::decode_handshake_start(payload);
    if (!start) return refuse(now, link, CloseCode::protocol_violation);
    if (start->network != network_) return refuse(now, link, CloseCode::different_network);
    if (!joined_ || start->group != launch_.group) return refuse(now, link, CloseCode::group_not_found);
    if (bonds_.contains(peer)) return refuse(now, link, CloseCode::already_bonded);
    if (!believes(link, peer, crypto::Proof(start->proof))) return refuse(now, link, CloseCode::invalid_proof);
    const crypto::Proof mine = proof(link);
    send(link, [&](auto& out) { wire::encode_handshake_end(mine.bytes(), list(), {}, out); });
    finish(now, link, peer, start->bonds);
  }
  void on_end(const Now& now, LinkId link, const PeerId& peer, BytesView payload) {
    const auto end = wire::decode_handshake_end(payload);
    if (!end) return refuse(now, link, CloseCode::protocol_violation);
    if (!believes(link, peer, crypto::Proof(end->proof))) return refuse(now, link, CloseCode::invalid_proof);
    finish(now, link, peer, end->bonds);
  }
  void finish(const Now& now, LinkId link, const PeerId& peer, const std::vector<wire::SignedEntryView>& theirs) {
    std::vector<identity::EntryRef> entries;
    for (const wire::SignedEntryView& view : theirs)
      if (const auto entry = verifier_.verify(view)) entries.push_back(*entry);
    const auto session = transport_->exporter(link, bytes_of("mosaik.group.bond.id"));
    if (!session || bonds_.contains(peer)) return refuse(now, link, CloseCode::already_bonded);
    tasks_.erase(link);
    transport_->set_frame_limit(link, limits::group_frame);
    const bonds::HeartbeatConfig beat{launch_.timing.heartbeat_interval, launch_.timing.heartbeat_jitter,
                                      launch_.timing.max_missed_heartbeats};
    bonds_.emplace(peer, LiveBond{link, SessionId(*session), bonds::Heartbeat(beat, now)});
    tell(now, EventKind::bond_up, peer, SessionId(*session));
    if (raft_) raft_->on_bonded(now.mono, peer);
    // Connected: everyone else hears of the new bond, if its entry is in the catalog.
    if (const auto found = known_.find(peer); found != known_.end())
      for (const auto& [other, bond] : bonds_)
        if (other != peer) send(bond.link, [&](auto& out) { wire::encode_bond_formed(found->second->bytes, out); });
    for (const identity::EntryRef& entry : entries) attempt(now, entry);
  }

  void on_message(const Now& now, const PeerId peer, LiveBond& bond, BytesView payload) {
    const auto message = wire::decode_bond_message(payload);
    const LinkId link = bond.link;
    if (!message || std::holds_alternative<wire::Departure>(*message)) {
      transport_->close(now, link, message ? CloseCode::cancelled : CloseCode::protocol_violation, CloseMode::at_once);
      return drop(now, peer, message ? "departure" : "us", 102);
    }
    bond.heartbeat.reset(now, pulse_);
    if (std::holds_alternative<wire::Ping>(*message)) send(link, [](auto& out) { wire::encode_pong(out); });
    if (const auto* update = std::get_if<wire::PeerEntryUpdate>(&*message)) {
      if (const auto entry = verifier_.verify(update->entry)) meet(now, *entry);
    } else if (const auto* formed = std::get_if<wire::BondFormed>(&*message)) {
      if (const auto entry = verifier_.verify(formed->entry)) attempt(now, *entry);
    } else if (const auto* raft = std::get_if<wire::Raft>(&*message); raft != nullptr && raft_) {
      const auto heard = consensus::decode(Blob::copy(raft->message));
      if (heard && !(launch_.greedy && answers_flood(*heard))) raft_->on_message(now.mono, peer, *heard);
      speak_raft();
    }
  }
  // Many times what any member needs, on every bond. For the quic tier: the fast one's connections acknowledge what
  // they have no room for, and stall. Its own catch-up never asks from there: its log is longer.
  void flood(const Now& now) {
    flood_at_ = now.mono + flood_pause;
    for (const auto& [peer, bond] : bonds_) {
      const auto say = [&](const consensus::Message& message) {
        std::vector<std::uint8_t> bytes;
        consensus::encode(message, bytes);
        send(bond.link, [&](auto& out) { wire::encode_raft(bytes, out); });
      };
      for (int i = 0; i < 40; ++i) send(bond.link, [](auto& out) { wire::encode_ping({}, out); });
      if (!raft_) continue;
      for (int i = 0; i < 40; ++i) say(consensus::AvailabilityRequest{});
      for (int i = 0; i < 40; ++i) say(consensus::RequestVote{Term{1}, key_.id(), {}});
      for (int i = 0; i < 200 && raft_->log.size() > greedy_range.last.value; ++i)
        say(consensus::FetchEntriesRequest{greedy_range});
    }
  }
  [[nodiscard]] static bool answers_flood(const consensus::Message& message) {
    const auto* fetched = std::get_if<consensus::FetchEntriesResponse>(&message);
    return fetched != nullptr && fetched->range.first == greedy_range.first;
  }
  void speak_raft() {
    if (!raft_) return;
    for (const auto& [to, message] : std::exchange(raft_->outbox, {})) {
      const auto bond = bonds_.find(to);
      if (bond == bonds_.end()) continue;
      std::vector<std::uint8_t> bytes;
      consensus::encode(message, bytes);
      send(bond->second.link, [&](auto& out) { wire::encode_raft(bytes, out); });
    }
  }

  void drop(const Now& now, const PeerId& peer, const char* by, std::uint64_t code) {
    const SessionId session = bonds_.at(peer).session;
    bonds_.erase(peer);
    if (raft_) raft_->on_gone(now.mono, peer);
    tell(now, EventKind::bond_down, peer, session);
    events_.back().by = by;
    events_.back().code = code;
  }
  void tell(const Now& now, EventKind kind, const PeerId& peer, const SessionId& session) {
    Event event;
    event.kind = kind;
    event.sequence = ++sequence_;
    event.mono_ns = now.mono.time_since_epoch().count();
    event.peer = peer;
    event.group = launch_.group;
    event.session = session;
    events_.push_back(std::move(event));
  }

  static constexpr Nanoseconds flood_pause = 100ms;
  static constexpr IndexRange greedy_range{Index{2}, Index{3}};

  Launch launch_;
  Mono flood_at_{};
  bool honest_;
  crypto::SecretKey key_;
  NetworkId network_;
  GroupKey secret_;
  identity::Verifier verifier_;
  FramePool pool_;
  Rng rng_;
  bonds::Pulse pulse_;
  std::unique_ptr<Transport> transport_;
  std::int64_t started_;
  std::int64_t updated_;
  identity::EntryRef entry_;
  std::map<PeerId, identity::EntryRef> known_;
  std::vector<identity::EntryRef> invented_;
  std::map<LinkId, Task> tasks_;
  std::map<PeerId, LiveBond> bonds_;
  std::vector<crypto::Proof> stolen_;
  std::vector<Event> events_;
  std::uint64_t sequence_ = 0;
  Mono ask_at_ = never;
  bool joined_ = false;
  std::optional<RustMember> raft_;
  bool more_ = false;
};

}  // namespace

std::unique_ptr<Program> make_rust_model(const Launch& launch, const Now& now, std::unique_ptr<Transport> transport,
                                         bool honest) {
  return std::make_unique<RustProgram>(launch, now, std::move(transport), honest);
}

}  // namespace mosaik::sim
