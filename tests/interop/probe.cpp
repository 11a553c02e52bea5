// One scripted handshake with a running node: prints the close code that it answers with, 0 for a bond.
//
//   MOSAIK_GROUP_SECRET=... interop_probe PEERID@IP:PORT NETWORK CASE

#include <poll.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>

#include <mosaik/types/group_key.hpp>

#include "base/limits.hpp"
#include "crypto/group_key.hpp"
#include "identity/entry.hpp"
#include "runtime/clock.hpp"
#include "runtime/entropy.hpp"
#include "transport/quic/quic.hpp"
#include "transport/udp/socket.hpp"
#include "wire/messages.hpp"

namespace {

using namespace mosaik;

/// One endpoint on one socket, stepped until something has happened.
class Wire {
  const std::unique_ptr<Transport> owned_;

 public:
  Wire(const crypto::SecretKey& key, udp::Socket socket)
      : owned_(quic::make_endpoint(key, {.random_seed = runtime::random_bytes32()})),
        endpoint(*owned_),
        socket_(std::move(socket)) {}

  /// The next event, within ten seconds.
  std::optional<LinkEvent> next() {
    const Mono end = runtime::read_clock().mono + 10s;
    while (true) {
      const Now now = runtime::read_clock();
      static_cast<void>(endpoint.advance(now));
      if (auto event = endpoint.next_event()) return event;
      if (now.mono > end) return std::nullopt;
      if (now.mono >= endpoint.next_deadline()) endpoint.on_timer(now);
      send(now);
      pollfd ready{socket_.fd(), POLLIN, 0};
      const Mono deadline = std::min(end, endpoint.next_deadline());
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(std::max<Nanoseconds>(deadline - now.mono, 0ns));
      static_cast<void>(poll(&ready, 1, static_cast<int>(std::min<std::int64_t>(wait.count(), 1000))));
      socket_.receive(limits::datagrams_per_step,
                      [&](const udp::Received& in) { endpoint.on_datagram(runtime::read_clock(), in.path, in.bytes); });
    }
  }
  void send(const Now& now) {
    bool more = true;
    while (more) {
      batch_.clear();
      more = endpoint.transmit(now, batch_);
      for (const auto& item : batch_.items())
        static_cast<void>(socket_.send(item.path, batch_.bytes(item), item.segment));
    }
  }

  Transport& endpoint;

 private:
  udp::Socket socket_;
  DatagramBatch batch_{1U << 17U};
};

/// Exchanges catalogs so that the node knows our entry.
bool sync(Wire& wire, const PeerId& peer, const SocketAddress& address, const identity::Self& self, FramePool& pool) {
  const auto link = wire.endpoint.dial(runtime::read_clock(), {peer, {address}, Alpn::sync});
  while (const auto event = wire.next()) {
    if (std::holds_alternative<LinkOpened>(*event)) {
      std::vector<std::uint8_t> out;
      const BytesView entry = self.entry()->bytes;
      wire::encode_snapshot(std::span(&entry, 1), out);
      static_cast<void>(wire.endpoint.send(*link, SendClass::catalog, pool.make(out)));
    } else if (std::holds_alternative<LinkFrame>(*event)) {
      wire.endpoint.close(runtime::read_clock(), *link, CloseCode::success, CloseMode::at_once);
    } else if (const auto* closed = std::get_if<LinkClosed>(&*event)) {
      wire.send(runtime::read_clock());
      return closed->close.by == ClosedBy::us;
    }
  }
  return false;
}

std::vector<std::uint8_t> handshake(const std::string& scenario, const NetworkId& network, const GroupKey& key,
                                    const GroupId& group, const crypto::ExporterKey& ekm, const PeerId& self) {
  Bytes32 proof = crypto::make_proof(key, ekm, self).bytes();
  if (scenario == "wrong-proof") proof[0] ^= 1U;
  std::vector<std::uint8_t> out;
  wire::encode_handshake_start(scenario == "other-network" ? id_of<NetworkId>("elsewhere") : network,
                               scenario == "unknown-group" ? GroupId(Digest::of("no such group").bytes()) : group,
                               proof, {}, {}, out);
  if (scenario == "malformed") out.resize(out.size() / 2);
  return out;
}

int run(const std::string& contact, const std::string& network_name, const std::string& scenario) {
  const char* secret = std::getenv("MOSAIK_GROUP_SECRET");
  const auto at = contact.find('@');
  const auto peer = PeerId::from_hex(contact.substr(0, at));
  const auto address =
      at == std::string::npos ? fail(Errc::invalid_argument, "no @") : SocketAddress::parse(contact.substr(at + 1));
  if (secret == nullptr || !peer || !address) {
    std::cerr << "usage: MOSAIK_GROUP_SECRET=... interop_probe PEERID@IP:PORT NETWORK CASE\n";
    return 64;
  }
  const auto network = id_of<NetworkId>(network_name);
  const GroupKey key = GroupKey::from_secret(secret);
  const GroupId group = crypto::make_group_id(key, crypto::consensus_digest(500, 150, 10), crypto::noop_signature(),
                                              crypto::log_replay_signature(crypto::noop_rust_type));
  auto socket = udp::Socket::open(SocketAddress::v4({127, 0, 0, 1}, 0));
  if (!socket) {
    std::cerr << socket.error().message << '\n';
    return 1;
  }
  FramePool pool;
  identity::Self self(crypto::SecretKey::from_seed(runtime::random_bytes32()), network, runtime::read_clock().wall);
  self.set_addresses({socket->local()}, runtime::read_clock().wall);
  Wire wire(self.key(), std::move(*socket));
  if (scenario != "unknown-peer" && !sync(wire, *peer, *address, self, pool)) {
    std::cerr << "the catalog sync failed\n";
    return 1;
  }

  const auto link = wire.endpoint.dial(runtime::read_clock(), {*peer, {*address}, Alpn::groups});
  while (const auto event = wire.next()) {
    if (const auto* opened = std::get_if<LinkOpened>(&*event); opened != nullptr && opened->link == *link) {
      const crypto::ExporterKey ekm(wire.endpoint.exporter(*link, group.view()).value());
      const Frame frame = pool.make(handshake(scenario, network, key, group, ekm, self.id()));
      static_cast<void>(wire.endpoint.send(*link, SendClass::liveness, frame));
    } else if (const auto* frame = std::get_if<LinkFrame>(&*event); frame != nullptr && frame->link == *link) {
      const auto end = wire::decode_handshake_end(frame->payload);
      const crypto::ExporterKey ekm(wire.endpoint.exporter(*link, group.view()).value());
      const bool proven = end && crypto::verify_proof(key, ekm, *peer, crypto::Proof(end->proof));
      wire.endpoint.close(runtime::read_clock(), *link, CloseCode::cancelled, CloseMode::at_once);
      wire.send(runtime::read_clock());
      std::cout << (proven ? "0" : "its proof is wrong") << '\n';
      return proven ? 0 : 1;
    } else if (const auto* closed = std::get_if<LinkClosed>(&*event); closed != nullptr && closed->link == *link) {
      std::cout << closed->close.code << '\n';
      return closed->close.application ? 0 : 1;
    }
  }
  std::cerr << "nothing happened\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  return argc == 4 ? run(argv[1], argv[2], argv[3]) : 64;
}
