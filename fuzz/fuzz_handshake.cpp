// What peers may send to a group: sequences of frames on three links. Link 1 is an incoming one before its handshake,
// link 2 our own attempt that waits for HandshakeEnd, link 3 a bond that is up. The input is a list of steps
// { which link (1 byte), length (2 bytes, the lower first), that many bytes }; a step on a link of its own kind may
// also end the stream, or let time pass. After it all, the bond's peer must still be able to bond.

#include <cstdlib>
#include <map>
#include <optional>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "bonds/mesh.hpp"
#include "crypto/hash.hpp"

using namespace mosaik;
using namespace mosaik::bonds;

namespace {

/// Links whose exporter is a hash of link and label; what is sent and closed is counted only.
class Sink final : public Links {
 public:
  [[nodiscard]] Result<LinkId> dial(const Now&, const DialRequest&) override { return LinkId{++next_}; }
  SendResult send(LinkId, SendClass, const Frame& frame) override {
    MOSAIK_ASSERT(frame.payload().size() <= limits::group_frame);
    return SendResult::queued;
  }
  void close(const Now&, LinkId, CloseCode, CloseMode) override {}
  void set_frame_limit(LinkId, std::size_t) override {}
  [[nodiscard]] Result<Bytes32> exporter(LinkId link, BytesView label) const override {
    const std::uint8_t id = static_cast<std::uint8_t>(link.value);
    return crypto::hash({BytesView(&id, 1), label});
  }
  [[nodiscard]] std::optional<LinkStats> stats(LinkId) const override { return std::nullopt; }

 private:
  std::uint64_t next_ = 100;
};

struct NobodyKnown final : identity::Directory {
  identity::EntryRef find(const PeerId&, const Now&) const override { return {}; }
};

identity::Self person(std::uint8_t seed, const NetworkId& network, const GroupId& group) {
  Bytes32 bytes{};
  bytes.fill(seed);
  identity::Self self(crypto::SecretKey::from_seed(bytes), network, Wall{1'800'000'000'000});
  self.set_addresses({SocketAddress::v4({127, 0, 0, 1}, static_cast<std::uint16_t>(4000 + seed))},
                     Wall{1'800'000'000'000});
  self.join(group, Wall{1'800'000'000'000});
  return self;
}

struct World {
  NetworkId network = id_of<NetworkId>("fuzz");
  GroupId group = GroupId(Digest::of("fuzz group").bytes());
  GroupKey key = GroupKey::from_secret("fuzz secret");
  identity::Self self = person(1, network, group);
  identity::Self friendly = person(2, network, group);
  identity::Self dialed = person(3, network, group);
  identity::Verifier verifier{64};
  FramePool pool;
  NobodyKnown nobody;
  Sink links;
  Now now{Mono{1s}, Boot{1s}, Wall{1'800'000'000'000}};
  std::vector<MeshEvent> events;
  HandshakeAcceptor handshake_acceptor{network, nobody, verifier};
  Mesh mesh{{.network = network, .group = group, .key = key, .heartbeat = {}, .dial_eagerly = true},
            self,
            verifier,
            pool,
            Rng(1)};
  std::optional<LinkId> attempt;

  [[nodiscard]] MeshContext step() { return {now, links, events}; }

  /// An arrival of the friendly peer with a right proof for this link.
  [[nodiscard]] IncomingHandshake arrival(LinkId link, const identity::Self& from) {
    const crypto::ExporterKey ekm(links.exporter(link, group.view()).value());
    return {.link = link,
            .peer = from.id(),
            .group = group,
            .entry = from.entry(),
            .proof = crypto::make_proof(key, ekm, from.id()),
            .bonds = {},
            .cpp = true,
            .capabilities = {}};
  }

  World() {
    handshake_acceptor.on_opened(step(), {LinkId{1}, friendly.id(), Alpn::groups, Side::acceptor, {}},
                                 AdmissionClass::stranger);
    mesh.on_arrival(step(), arrival(LinkId{3}, friendly));
    MOSAIK_ASSERT(mesh.has_bond(friendly.id()));
    mesh.on_entry(step(), dialed.entry());
    mesh.on_timer(step());
    if (mesh.owns(LinkId{101})) {
      attempt = LinkId{101};
      mesh.on_opened(step(), {*attempt, dialed.id(), Alpn::groups, Side::initiator, {}});
    }
  }

  void deliver(std::uint8_t what, BytesView bytes) {
    switch (what % 6) {
      case 0:
        if (auto arrived = handshake_acceptor.on_frame(step(), LinkId{1}, bytes, {group}))
          mesh.on_arrival(step(), *arrived);
        break;
      case 1:
        if (attempt) mesh.on_frame(step(), *attempt, bytes);
        break;
      case 2:
      case 3: mesh.on_frame(step(), LinkId{3}, bytes); break;
      case 4: mesh.on_ended(step(), LinkId{what < 128 ? 1U : 3U}, what % 2 == 0); break;
      default:
        now.mono += Nanoseconds(100ms) * static_cast<std::int64_t>(bytes.size());
        handshake_acceptor.on_timer(step());
        mesh.on_timer(step());
        break;
    }
    MOSAIK_ASSERT(events.size() < 100'000);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world;
  BytesView rest(data, size);
  while (rest.size() >= 3) {
    const std::uint8_t what = rest[0];
    const std::size_t said = rest[1] | static_cast<std::size_t>(rest[2]) << 8U;
    const std::size_t length = std::min(said, rest.size() - 3);
    world.deliver(what, rest.subspan(3, length));
    rest = rest.subspan(3 + length);
  }
  static_cast<void>(world.mesh.view(world.now, world.links));
  // Whatever was said: with a right proof the peer bonds, or is bonded.
  if (!world.mesh.has_bond(world.friendly.id()))
    world.mesh.on_arrival(world.step(), world.arrival(LinkId{9}, world.friendly));
  MOSAIK_ASSERT(world.mesh.has_bond(world.friendly.id()));
  return 0;
}
