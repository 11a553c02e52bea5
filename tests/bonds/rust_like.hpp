#pragma once
/// A node that behaves as the crate does (spec: groups 3.4 to 3.6, 4.2 to 4.4): both ends dial without any order or
/// tie-break, the first bond in the local map wins, later ones are closed with 30429, nothing is retried, tails are
/// ignored, strangers get 401 before their frame is read.

#include "bonds/cpp_host.hpp"
#include "bonds/heartbeat.hpp"
#include "wire/messages.hpp"

namespace mosaik::test {

class RustLike final : public Host {
 public:
  RustLike(World& world, std::size_t rank, const Settings& configured = {})
      : Host(world, rank), settings(configured), rng_(world.rng().fork("rust", rank)), verifier_(1024) {
    boot();
  }

  void boot() {
    world_.revive(*this);
    PeerEntry entry;
    entry.protocol = "0.4.2";
    entry.network = settings.network;
    entry.version = {.started = world_.now().wall.milliseconds, .updated = world_.now().wall.milliseconds};
    entry.id = id();
    entry.addresses = {address()};
    entry.groups = {settings.group};
    entry_ = identity::sign(entry, crypto::SecretKey::from_seed(ranked_seeds().at(rank())));
    tasks_.clear();
    bonds.clear();
    known.entries.clear();
  }

  void meet(const identity::EntryRef& entry) override {
    if (entry->id() == id() || entry->entry.network != settings.network || !known.take(entry)) return;
    // A change of the catalog is a trigger for everyone in it (spec: groups 3.7).
    for (const auto& [peer, each] : known.entries)
      if (each->names(settings.group)) attempt(each);
  }
  [[nodiscard]] const identity::EntryRef& own_entry() const override { return entry_; }
  void on_synced(const PeerId& peer, bool ok) override {
    if (!ok) return;
    if (const auto found = known.entries.find(peer); found != known.entries.end()) attempt(found->second);
  }
  /// The handle is dropped: every bond closes with 102, no Departure (spec: groups 4.4).
  void leave() {
    left = true;
    for (const auto& [peer, bond] : std::exchange(bonds, {}))
      world_.close(*this, bond.link, CloseCode::cancelled, CloseMode::at_once);
  }

  void on_event(const LinkEvent& event) override {
    const LinkId link = std::visit([](const auto& any) { return any.link; }, event);
    if (const auto* opened = std::get_if<LinkOpened>(&event)) on_opened(*opened);
    if (const auto* frame = std::get_if<LinkFrame>(&event)) on_frame(link, frame->payload);
    if (const auto* closed = std::get_if<LinkClosed>(&event)) on_closed(link, closed->close);
  }

  void on_timer() override {
    const Now now = world_.now();
    for (const auto& [link, task] : std::map(tasks_)) {
      if (task.deadline > now.mono) continue;
      tasks_.erase(link);
      world_.close(*this, link, task.stage == Stage::accepting ? CloseCode::timeout : CloseCode::disconnect,
                   CloseMode::at_once);
    }
    for (auto& [peer, bond] : bonds) {
      const bool tick = bond.heartbeat.on_time(now, bond.pulse);
      if (bond.heartbeat.alert()) {
        const LinkId link = bond.link;
        world_.close(*this, link, CloseCode::timeout, CloseMode::at_once);
      } else if (tick) {
        send(bond.link, [](auto& out) { wire::encode_ping({}, out); });
      }
    }
    std::erase_if(bonds, [](const auto& item) { return item.second.heartbeat.alert(); });
  }
  [[nodiscard]] Mono next_deadline() const override {
    Mono next = never;
    for (const auto& [link, task] : tasks_) next = std::min(next, task.deadline);
    for (const auto& [peer, bond] : bonds) next = std::min(next, bond.heartbeat.tick());
    return next;
  }

  [[nodiscard]] std::optional<SessionId> session_with(const PeerId& peer) const {
    const auto found = bonds.find(peer);
    return found == bonds.end() ? std::nullopt : std::optional(found->second.session);
  }
  void send_raft(const PeerId& peer, BytesView message) {
    send(bonds.at(peer).link, [&](auto& out) { wire::encode_raft(message, out); });
  }

  struct LiveBond {
    LinkId link;
    SessionId session;
    bonds::Heartbeat heartbeat;
    bonds::Pulse pulse;
  };
  const Settings settings;
  std::map<PeerId, LiveBond> bonds;
  KnownEntries known;
  std::map<LinkId, std::uint64_t> end_codes;  ///< how links ended
  std::vector<std::vector<std::uint8_t>> heard_raft;
  std::size_t attempts = 0;
  bool left = false;

 private:
  enum class Stage : std::uint8_t { dialing, initiating, accepting };
  struct Task {
    PeerId peer;
    Stage stage{};
    Mono deadline = never;
  };

  template <class F>
  void send(LinkId link, F&& encode) {
    std::vector<std::uint8_t> out;
    encode(out);
    static_cast<void>(world_.send(*this, link, out));
  }
  void refuse(LinkId link, CloseCode code) {
    tasks_.erase(link);
    world_.close(*this, link, code, CloseMode::at_once);
  }
  [[nodiscard]] crypto::ExporterKey ekm(LinkId link) const {
    const auto bytes = world_.exporter(*this, link, settings.group.view());
    return crypto::ExporterKey(bytes ? *bytes : Bytes32{});
  }
  [[nodiscard]] std::vector<BytesView> list() const {
    std::vector<BytesView> out;
    for (const auto& [peer, bond] : bonds)
      if (const auto found = known.entries.find(peer); found != known.entries.end())
        out.emplace_back(found->second->bytes);
    return out;
  }

  void attempt(const identity::EntryRef& entry) {
    if (left || entry->id() == id() || bonds.contains(entry->id())) return;
    ++attempts;
    const auto link = world_.dial(*this, {entry->id(), entry->entry.sockets(), Alpn::groups});
    if (link) tasks_[*link] = {entry->id(), Stage::dialing};
  }

  void on_opened(const LinkOpened& opened) {
    const Now now = world_.now();
    if (opened.side == Side::acceptor) {
      if (!known.find(opened.peer, now)) return refuse(opened.link, CloseCode::unknown_peer);
      tasks_[opened.link] = {opened.peer, Stage::accepting, now.mono + 2s};
      return;
    }
    const auto task = tasks_.find(opened.link);
    if (task == tasks_.end()) return;
    task->second = {opened.peer, Stage::initiating, now.mono + 2s};
    const crypto::Proof proof = crypto::make_proof(settings.key, ekm(opened.link), id());
    send(opened.link, [&](auto& out) {
      wire::encode_handshake_start(settings.network, settings.group, proof.bytes(), list(), {}, out);
    });
  }

  void on_frame(LinkId link, BytesView payload) {
    if (const auto task = tasks_.find(link); task != tasks_.end()) {
      if (task->second.stage == Stage::accepting) return on_start(link, task->second.peer, payload);
      return on_end(link, task->second.peer, payload);
    }
    for (auto& [peer, bond] : bonds)
      if (bond.link == link) return on_message(peer, bond, payload);
  }

  void on_start(LinkId link, const PeerId peer, BytesView payload) {
    const auto start = wire::decode_handshake_start(payload);
    if (!start) return refuse(link, CloseCode::protocol_violation);
    if (start->network != settings.network) return refuse(link, CloseCode::different_network);
    if (left || start->group != settings.group) return refuse(link, CloseCode::group_not_found);
    if (bonds.contains(peer)) return refuse(link, CloseCode::already_bonded);
    if (!crypto::verify_proof(settings.key, ekm(link), peer, crypto::Proof(start->proof)))
      return refuse(link, CloseCode::invalid_proof);
    const crypto::Proof proof = crypto::make_proof(settings.key, ekm(link), id());
    send(link, [&](auto& out) { wire::encode_handshake_end(proof.bytes(), list(), {}, out); });
    finish_handshake(link, peer, start->bonds);
  }

  void on_end(LinkId link, const PeerId peer, BytesView payload) {
    const auto end = wire::decode_handshake_end(payload);
    if (!end) return refuse(link, CloseCode::protocol_violation);
    if (!crypto::verify_proof(settings.key, ekm(link), peer, crypto::Proof(end->proof)))
      return refuse(link, CloseCode::invalid_proof);
    finish_handshake(link, peer, end->bonds);
  }

  void finish_handshake(LinkId link, const PeerId peer, const std::vector<wire::SignedEntryView>& theirs) {
    const auto session = world_.exporter(*this, link, bytes_of("mosaik.group.bond.id"));
    for (const wire::SignedEntryView& view : theirs)
      if (const auto entry = verifier_.verify(view)) attempt(*entry);
    if (!session || bonds.contains(peer)) return refuse(link, CloseCode::already_bonded);
    tasks_.erase(link);
    bonds.emplace(peer, LiveBond{link, SessionId(*session), bonds::Heartbeat(settings.heartbeat, world_.now()),
                                 bonds::Pulse(rng_.fork("heartbeat", link.value))});
    // Connected: everyone else hears of the new bond, if its entry is in the catalog (spec: groups 4.2).
    if (const auto found = known.entries.find(peer); found != known.entries.end())
      for (const auto& [other, bond] : bonds)
        if (other != peer) send(bond.link, [&](auto& out) { wire::encode_bond_formed(found->second->bytes, out); });
  }

  void on_message(const PeerId peer, LiveBond& bond, BytesView payload) {
    const auto message = wire::decode_bond_message(payload);
    const LinkId link = bond.link;
    if (!message || std::holds_alternative<wire::Departure>(*message)) {
      bonds.erase(peer);
      return world_.close(*this, link, message ? CloseCode::cancelled : CloseCode::protocol_violation,
                          CloseMode::at_once);
    }
    bond.heartbeat.reset(world_.now(), bond.pulse);
    if (std::holds_alternative<wire::Ping>(*message)) send(link, [](auto& out) { wire::encode_pong(out); });
    if (const auto* raft = std::get_if<wire::Raft>(&*message))
      heard_raft.emplace_back(raft->message.begin(), raft->message.end());
    if (const auto* update = std::get_if<wire::PeerEntryUpdate>(&*message)) {
      if (const auto entry = verifier_.verify(update->entry)) meet(*entry);
    } else if (const auto* formed = std::get_if<wire::BondFormed>(&*message)) {
      if (const auto entry = verifier_.verify(formed->entry)) attempt(*entry);
    }
  }

  void on_closed(LinkId link, const CloseInfo& close) {
    end_codes[link] = close.code;
    const auto task = tasks_.extract(link);
    if (task && task.mapped().stage != Stage::accepting && close.is(CloseCode::unknown_peer))
      world_.sync(*this, task.mapped().peer);
    std::erase_if(bonds, [&](const auto& item) { return item.second.link == link; });
  }

  Rng rng_;
  identity::Verifier verifier_;
  identity::EntryRef entry_;
  std::map<LinkId, Task> tasks_;
};

}  // namespace mosaik::test
