/// Feeds arbitrary datagrams into an endpoint that has one established link, and checks that the link still serves its
/// owners afterwards. The first byte of a datagram's record says how it is made: as given, or a recorded one with bytes
/// changed.

#include <cstdlib>

#include "quic/wire.hpp"

using namespace mosaik;
using namespace mosaik::quic;
using namespace mosaik::quic::test;

namespace {

struct World {
  Wire wire;
  Host& friendly = wire.add(1);
  Host& host = wire.add(2);
  LinkId from{}, to{};
  std::vector<Packet> recorded;

  World() {
    wire.on_deliver = [this](Host& receiver, const Packet& packet) {
      if (&receiver == &host && recorded.size() < 16) recorded.push_back(packet);
    };
    const auto links = wire.connect(friendly, host);
    if (!links) std::abort();
    from = links->first;
    to = links->second;
    wire.on_deliver = nullptr;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world;
  BytesView rest(data, size);
  while (rest.size() >= 2) {
    const std::uint8_t kind = rest[0];
    const std::size_t length = std::min<std::size_t>(rest[1] * std::size_t{8}, rest.size() - 2);
    const BytesView given = rest.subspan(2, length);
    rest = rest.subspan(2 + length);
    std::vector<std::uint8_t> bytes(given.begin(), given.end());
    if ((kind & 0x80U) != 0 && !world.recorded.empty()) {
      bytes = world.recorded[kind % world.recorded.size()].bytes;
      for (std::size_t i = 0; i + 1 < given.size() && i < 32; i += 2) bytes[given[i] % bytes.size()] ^= given[i + 1];
    }
    world.wire.inject((kind & 0x40U) != 0 ? Wire::address(77) : Wire::address(1), Wire::address(2), std::move(bytes));
    world.wire.run_for(1ms);
  }
  if (world.friendly.endpoint->send(world.from, SendClass::liveness, world.friendly.frame(4)) != SendResult::queued)
    std::abort();
  if (!world.wire.run_until([&] { return world.host.links[world.to].frames.size() == 1; }, 10s)) std::abort();
  return 0;
}
