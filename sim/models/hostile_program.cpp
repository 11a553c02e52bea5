// A peer that is hostile inside QUIC: an impostor that members hear of and dial, and beside it connections that finish
// the handshake and then keep no rule (hostile/attacker.hpp), as dialer and as the end that was dialed.

#include <algorithm>

#include "sim/hostile/attacker.hpp"
#include "sim/world/program.hpp"

namespace mosaik::sim {

namespace {

class HostileProgram final : public Program {
 public:
  HostileProgram(const Launch& launch, std::unique_ptr<Program> face)
      : launch_(launch), face_(std::move(face)), choices_(Rng(launch.seed).fork("hostile")), rng_(launch.seed) {}

  void start(const Now& now) override {
    face_->start(now);
    act_at_ = now.mono + pause();
  }
  void on_datagram(const Now& now, const DatagramPath& path, BytesView bytes) override {
    for (Contact& contact : contacts_) {
      if (!contact.owns(bytes)) continue;
      contact.peer->receive(now.mono, bytes);
      return collect(now, contact);
    }
    const bool first = !bytes.empty() && (bytes[0] & 0xf0U) == 0xc0U;
    if (first && contacts_.size() < most_contacts && choices_.one_in(2)) {
      if (auto peer = RawPeer::accept(identity("/mosaik/groups/1"), now.mono, bytes)) {
        contacts_.push_back({std::move(peer), path.remote, now.mono, std::make_unique<Attacker>(choices_)});
        return collect(now, contacts_.back());
      }
    }
    face_->on_datagram(now, path, bytes);
  }
  void on_unreachable(const Now& now, const SocketAddress& remote, BytesView quoted) override {
    face_->on_unreachable(now, remote, quoted);
  }
  void turn(const Now& now) override {
    face_->turn(now);
    for (Contact& contact : contacts_)
      if (contact.peer->deadline() <= now.mono) collect(now, contact);
    if (now.mono < act_at_) return;
    act_at_ = now.mono + pause();
    std::erase_if(contacts_, [&](const Contact& contact) { return now.mono - contact.since > contact_life; });
    if (contacts_.size() < most_contacts && !launch_.bootstrap_addresses.empty()) dial(now);
    for (Contact& contact : contacts_) {
      if (!contact.peer->ready()) contact.attacker->meddle(*contact.peer);
      for (Attacker::Shot& shot : contact.attacker->shoot(*contact.peer, now.mono))
        waiting_.push_back({contact.remote, std::move(shot.datagram)});
      collect(now, contact);
    }
  }
  bool transmit(const Now& now, DatagramBatch& out) override {
    while (!waiting_.empty()) {
      const auto& [remote, datagram] = waiting_.front();
      if (out.room().size() < datagram.size()) return true;
      std::ranges::copy(datagram, out.room().begin());
      out.commit({launch_.address, remote}, datagram.size());
      waiting_.erase(waiting_.begin());
    }
    return face_->transmit(now, out);
  }
  [[nodiscard]] Mono next_deadline() const override {
    if (!waiting_.empty()) return Mono{};
    Mono next = std::min(face_->next_deadline(), act_at_);
    for (const Contact& contact : contacts_) next = std::min(next, contact.peer->deadline());
    return next;
  }

  void join(const Now& now) override { face_->join(now); }
  void leave(const Now& now) override { face_->leave(now); }
  [[nodiscard]] JoinedGroups joined() const override { return face_->joined(); }
  void sync_with(const Now& now, const PeerId& peer, const SocketAddress& address) override {
    face_->sync_with(now, peer, address);
  }
  [[nodiscard]] std::vector<Event> take_events(const Now& now) override { return face_->take_events(now); }
  [[nodiscard]] std::shared_ptr<const NodeStatus> status() const override { return face_->status(); }
  [[nodiscard]] std::vector<identity::EntryRef> catalog(const Now& now) const override { return face_->catalog(now); }
  [[nodiscard]] identity::EntryRef own_entry() const override { return face_->own_entry(); }
  [[nodiscard]] std::uint64_t verifications() const override { return face_->verifications(); }
  [[nodiscard]] std::size_t connections() const override { return face_->connections(); }

 private:
  static constexpr std::size_t most_contacts = 6;
  static constexpr Nanoseconds contact_life = 4s;

  struct Contact {
    std::unique_ptr<RawPeer> peer;
    SocketAddress remote;
    Mono since{};
    std::unique_ptr<Attacker> attacker;

    [[nodiscard]] bool owns(BytesView bytes) const {
      if (bytes.empty()) return false;
      const std::size_t at = (bytes[0] & 0x80U) != 0 ? 6 : 1;
      return std::ranges::any_of(peer->own_ids(), [&](const auto& id) {
        return bytes.size() >= at + id.size() && std::ranges::equal(bytes.subspan(at, id.size()), id);
      });
    }
  };

  [[nodiscard]] Nanoseconds pause() { return rng_.between(5ms, 60ms); }
  [[nodiscard]] RawPeer::Identity identity(std::string alpn) {
    Attacker attacker(choices_);
    return {crypto::SecretKey::from_seed(launch_.key_seed), std::move(alpn), rng_.next(), attacker.parameters()};
  }
  void dial(const Now& now) {
    Attacker attacker(choices_);
    const SocketAddress& remote = launch_.bootstrap_addresses[choices_.below(launch_.bootstrap_addresses.size())];
    if (auto peer = RawPeer::dial(identity(attacker.alpn()), now.mono))
      contacts_.push_back({std::move(peer), remote, now.mono, std::make_unique<Attacker>(choices_)});
  }
  void collect(const Now& now, Contact& contact) {
    for (auto& datagram : contact.peer->send(now.mono)) waiting_.push_back({contact.remote, std::move(datagram)});
  }

  Launch launch_;
  std::unique_ptr<Program> face_;
  SeededChoices choices_;
  Rng rng_;
  std::vector<Contact> contacts_;
  std::vector<std::pair<SocketAddress, RawPeer::Datagram>> waiting_;
  Mono act_at_ = never;
};

}  // namespace

std::unique_ptr<Program> make_hostile(const Launch& launch, std::unique_ptr<Program> face) {
  return std::make_unique<HostileProgram>(launch, std::move(face));
}

}  // namespace mosaik::sim
