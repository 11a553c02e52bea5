#pragma once
/// A host that does only what a test tells it to, and keeps what it hears.

#include <algorithm>

#include "bonds/extension_block.hpp"
#include "bonds/world.hpp"
#include "crypto/group_key.hpp"
#include "wire/messages.hpp"

namespace mosaik::test {

class RawHost final : public Host {
 public:
  RawHost(World& world, std::size_t rank, const NetworkId& network = id_of<NetworkId>("test network"),
          const GroupId& group = id_of<GroupId>("test group"))
      : Host(world, rank), self_(crypto::SecretKey::from_seed(ranked_seeds().at(rank)), network, world.now().wall) {
    self_.set_addresses({address()}, world.now().wall);
    self_.join(group, world.now().wall);
  }

  void on_event(const LinkEvent& event) override {
    if (const auto* up = std::get_if<LinkOpened>(&event)) {
      opened.push_back(*up);
      if (on_opened) on_opened(*up);
    }
    if (const auto* frame = std::get_if<LinkFrame>(&event)) {
      frames.push_back({frame->link, {frame->payload.begin(), frame->payload.end()}});
      if (on_frame) on_frame(frame->link, frame->payload);
    }
    if (const auto* down = std::get_if<LinkClosed>(&event)) closed[down->link] = down->close;
  }
  void meet(const identity::EntryRef& entry) override { met.push_back(entry); }
  [[nodiscard]] const identity::EntryRef& own_entry() const override { return self_.entry(); }
  [[nodiscard]] identity::Self& self() noexcept { return self_; }

  LinkId dial(const Host& to) { return *world_.dial(*this, {to.id(), {to.address()}, Alpn::groups}); }
  /// Dials and waits until the link is open.
  LinkId open(const Host& to) {
    const LinkId link = dial(to);
    EXPECT_TRUE(world_.run_until([&] { return world_.is_open(*this, link); }));
    return link;
  }
  void send(LinkId link, BytesView payload) { static_cast<void>(world_.send(*this, link, payload)); }
  void finish(LinkId link, bool clean) { world_.finish(*this, link, clean); }
  void close(LinkId link, CloseCode code) { world_.close(*this, link, code, CloseMode::at_once); }

  [[nodiscard]] crypto::Proof proof(LinkId link, const GroupKey& key, const GroupId& group) const {
    const auto ekm = world_.exporter(*this, link, group.view());
    return crypto::make_proof(key, crypto::ExporterKey(ekm ? *ekm : Bytes32{}), id());
  }
  /// The code that the other end closed with; waits for it.
  std::uint64_t close_code(LinkId link, Nanoseconds most = 10s) {
    EXPECT_TRUE(world_.run_until([&] { return closed.contains(link); }, most)) << "the link was not closed";
    const auto found = closed.find(link);
    if (found == closed.end()) return 0;
    EXPECT_TRUE(found->second.application);
    return found->second.code;
  }
  [[nodiscard]] std::vector<std::vector<std::uint8_t>> frames_of(LinkId link) const {
    std::vector<std::vector<std::uint8_t>> out;
    for (const auto& [from, payload] : frames)
      if (from == link) out.push_back(payload);
    return out;
  }
  /// Bond messages of one kind that came on the link, after the handshake's `skip` frames.
  template <class M>
  [[nodiscard]] std::size_t count(LinkId link, std::size_t skip) const {
    std::size_t out = 0;
    const auto all = frames_of(link);
    for (std::size_t i = skip; i < all.size(); ++i) {
      const auto message = wire::decode_bond_message(all[i]);
      out += message && std::holds_alternative<M>(*message) ? 1U : 0U;
    }
    return out;
  }

  std::vector<LinkOpened> opened;
  std::vector<std::pair<LinkId, std::vector<std::uint8_t>>> frames;
  std::map<LinkId, CloseInfo> closed;
  std::vector<identity::EntryRef> met;
  std::function<void(const LinkOpened&)> on_opened;
  std::function<void(LinkId, BytesView)> on_frame;

 private:
  identity::Self self_;
};

/// A HandshakeStart in the making; every part can be made wrong.
struct Start {
  NetworkId network = id_of<NetworkId>("test network");
  GroupId group = id_of<GroupId>("test group");
  GroupKey key = GroupKey::from_secret("test secret");
  std::vector<identity::EntryRef> bonds;
  std::vector<std::uint8_t> tail;

  [[nodiscard]] std::vector<std::uint8_t> encode(const crypto::Proof& proof) const {
    std::vector<BytesView> list;
    for (const identity::EntryRef& entry : bonds) list.emplace_back(entry->bytes);
    std::vector<std::uint8_t> out;
    wire::encode_handshake_start(network, group, proof.bytes(), list, tail, out);
    return out;
  }
  [[nodiscard]] std::vector<std::uint8_t> encode(const RawHost& host, LinkId link) const {
    return encode(host.proof(link, key, group));
  }
};

inline std::vector<std::uint8_t> handshake_end(const crypto::Proof& proof, std::span<const BytesView> bonds = {},
                                               BytesView tail = {}) {
  std::vector<std::uint8_t> out;
  wire::encode_handshake_end(proof.bytes(), bonds, tail, out);
  return out;
}

}  // namespace mosaik::test
