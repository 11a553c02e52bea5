#pragma once
/// A RawPeer in a Wire: a stranger that has finished the handshake with a Host and then sends what it likes, from any
/// address.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "quic/wire.hpp"
#include "sim/hostile/raw_peer.hpp"

namespace mosaik::quic::test {

class RawLink {
 public:
  static constexpr std::uint8_t place = 77;

  /// `host` is the acceptor.
  RawLink(Wire& wire, Host& host, const std::string& alpn = "/mosaik/groups/1", sim::RawParameters parameters = {},
          std::uint16_t port = 4433)
      : wire_(wire), host_(host), home_(Wire::address(place, port)), identity_{key_of(port), alpn, port, parameters} {
    listen(home_);
    peer_ = sim::RawPeer::dial(identity_, wire.now().mono);
    pump();
  }
  /// `host` dials it: what the host does when an entry names this key and address.
  RawLink(Wire& wire, Host& host, LinkId& link, Alpn alpn, sim::RawParameters parameters = {},
          std::uint16_t port = 4433)
      : wire_(wire),
        host_(host),
        home_(Wire::address(place, port)),
        identity_{key_of(port), std::string(alpn.text()), port, parameters} {
    listen(home_);
    link = wire.dial(host, identity_.key.id(), {home_}, alpn);
  }
  RawLink(const RawLink&) = delete;
  RawLink& operator=(const RawLink&) = delete;
  ~RawLink() {
    for (const SocketAddress& at : own_) wire_.strangers.erase(at);
  }

  [[nodiscard]] bool connect() {
    return wire_.run_until(
        [&] {
          pump();
          return peer_ != nullptr && peer_->ready() && host_.open_links() > 0;
        },
        2s);
  }
  /// One datagram with these frames, from its own or another address.
  void inject(const std::vector<std::uint8_t>& frames, std::optional<SocketAddress> from = {}) {
    inject({}, frames, from);
  }
  void inject(const sim::RawPeer::Packet& packet, const std::vector<std::uint8_t>& frames,
              std::optional<SocketAddress> from = {}) {
    if (auto datagram = peer_->seal(packet, frames)) {
      last_ = *datagram;
      wire_.inject(from.value_or(home_), host_.addresses.front(), std::move(*datagram));
    }
  }
  /// The same over the wire, behind what was sent before.
  void follow(const sim::RawPeer::Packet& packet, const std::vector<std::uint8_t>& frames) {
    if (auto datagram = peer_->seal(packet, frames)) wire_.send(home_, host_.addresses.front(), std::move(*datagram));
  }
  /// The last datagram again.
  void repeat(std::optional<SocketAddress> from = {}) {
    wire_.inject(from.value_or(home_), host_.addresses.front(), last_);
  }
  void run(Nanoseconds span = 20ms) {
    static_cast<void>(wire_.run_until(
        [&] {
          pump();
          return false;
        },
        span));
  }
  void listen(const SocketAddress& at) {
    own_.push_back(at);
    wire_.strangers[at] = [this](const Packet& packet) {
      ++received_at[packet.to];
      const bool first = peer_ == nullptr;
      if (first)
        peer_ = sim::RawPeer::accept(identity_, wire_.now().mono, packet.bytes);
      else
        peer_->receive(wire_.now().mono, packet.bytes);
      pump();
      if (first && behind_flight) behind_flight();
    };
  }
  void pump() {
    if (peer_ == nullptr || silent) return;
    for (auto& datagram : peer_->send(wire_.now().mono))
      wire_.send(home_, host_.addresses.front(), std::move(datagram));
  }

  [[nodiscard]] sim::RawPeer& peer() { return *peer_; }
  /// There is a connection: the host has dialled, or it did.
  [[nodiscard]] bool begun() const { return peer_ != nullptr; }
  [[nodiscard]] PeerId id() const { return identity_.key.id(); }
  [[nodiscard]] const SocketAddress& home() const { return home_; }
  [[nodiscard]] std::optional<std::uint64_t> closed_with() const {
    return peer_ == nullptr ? std::nullopt : peer_->closed_with();
  }
  /// The newest link that the host has with it.
  [[nodiscard]] LinkLog* log() {
    LinkLog* out = nullptr;
    for (auto& [link, each] : host_.links)
      if (each.opened && each.opened->peer == id()) out = &each;
    return out;
  }

  std::map<SocketAddress, std::size_t> received_at;
  /// As the end that was dialled: right behind its first flight, so that both arrive at once.
  std::function<void()> behind_flight;
  bool silent = false;  ///< QUIC's own answers are not sent

 private:
  static crypto::SecretKey key_of(std::uint16_t port) {
    return crypto::SecretKey::from_seed(Host::seed_of(place, static_cast<std::uint8_t>(port)));
  }

  Wire& wire_;
  Host& host_;
  SocketAddress home_;
  sim::RawPeer::Identity identity_;
  std::unique_ptr<sim::RawPeer> peer_;
  std::vector<SocketAddress> own_;
  std::vector<std::uint8_t> last_;
};

}  // namespace mosaik::quic::test
