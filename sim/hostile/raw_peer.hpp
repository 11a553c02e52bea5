#pragma once
/// RawPeer: one end of a QUIC connection that keeps none of QUIC's rules once it has the keys.
///
/// Place. Tests, fuzzing and the simulator attack quic::Endpoint with it. ngtcp2 makes the handshake; the keys are
/// taken from its callbacks, and any frames can be sealed into packets of any space, with any packet number. Datagrams
/// and time go in and out as values: it has no socket and no clock.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/now.hpp"
#include "crypto/ed25519.hpp"
#include "transport/quic/tls/frames.hpp"

namespace mosaik::sim {

/// What a RawPeer announces, and does by itself, as far as it is to deviate from the usual.
struct RawParameters {
  std::optional<std::uint64_t> max_data{}, max_stream_data{}, max_streams{}, connection_ids{}, ack_delay_exponent{},
      udp_payload{};
  std::optional<Nanoseconds> idle_timeout{}, max_ack_delay{};
  std::uint64_t rotate_until = 0;  ///< connection ids up to this number (63 at most) retire those before them
  bool none = false;               ///< no transport parameters at all
  bool preferred_address = false;  ///< of a server: another address, with connection id 1
};

class RawPeer {
 public:
  using Datagram = std::vector<std::uint8_t>;
  struct Identity {
    crypto::SecretKey key;
    std::string alpn;
    std::uint64_t seed = 0;  ///< of all its random bytes
    RawParameters parameters{};
  };

  /// A client that begins now.
  [[nodiscard]] static std::unique_ptr<RawPeer> dial(const Identity& identity, Mono now);
  /// A server for the client whose first datagram this is; null when it is none.
  [[nodiscard]] static std::unique_ptr<RawPeer> accept(const Identity& identity, Mono now, BytesView first);
  ~RawPeer();
  RawPeer(const RawPeer&) = delete;
  RawPeer& operator=(const RawPeer&) = delete;

  /// What QUIC does by its rules: handshake, acknowledgements, probes.
  void receive(Mono now, BytesView datagram);
  [[nodiscard]] std::vector<Datagram> send(Mono now);
  [[nodiscard]] Mono deadline() const;

  /// The handshake is complete: packets of the application space can be sealed.
  [[nodiscard]] bool ready() const;
  /// The code of the CONNECTION_CLOSE that came, or of the error that the other side made here.
  [[nodiscard]] std::optional<std::uint64_t> closed_with() const noexcept { return closed_; }

  struct Packet {
    quic::PacketSpace space = quic::PacketSpace::application;
    std::optional<std::uint64_t> number;  ///< without: the next of its own
    std::uint8_t number_size = 4;         ///< 1 to 4
    bool flip_key_phase = false;
    std::uint8_t reserved = 0;  ///< bits that must be 0
  };
  /// A datagram with one packet that carries these bytes as its frames; empty when there are no keys for the space.
  [[nodiscard]] std::optional<Datagram> seal(const Packet& packet, BytesView frames);
  /// The next packet that ngtcp2 writes in this space gets these frames instead of its own, as far as they fit.
  void replace_next(quic::PacketSpace space, std::vector<std::uint8_t> frames);

  /// The number of the newest packet of the other side that was read, as far as its header tells it.
  [[nodiscard]] std::optional<std::uint64_t> heard_number(quic::PacketSpace space) const;

  /// Connection ids of its own that it has issued, the first one included: what the other side may retire.
  [[nodiscard]] const std::vector<std::vector<std::uint8_t>>& own_ids() const noexcept;
  /// A stream of the initiator, open for writing by ngtcp2's rules; the bytes go out with send().
  void write_stream(Mono now, BytesView bytes);

 private:
  class Body;
  explicit RawPeer(std::unique_ptr<Body> body);
  std::unique_ptr<Body> body_;
  std::optional<std::uint64_t> closed_;
};

}  // namespace mosaik::sim
