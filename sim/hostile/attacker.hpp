#pragma once
/// Attacker: what a RawPeer does with its keys. A grammar that knows all frame types makes sequences, replays, strange
/// packets and addresses out of choices, which come from a seed or from a fuzzer.

#include <cstdint>
#include <span>
#include <vector>

#include "base/random.hpp"
#include "sim/hostile/raw_peer.hpp"

namespace mosaik::sim {

/// Where an attacker's decisions come from.
class Choices {
 public:
  /// In [0, bound); 0 when bound is 0.
  virtual std::uint64_t below(std::uint64_t bound) = 0;
  bool one_in(std::uint64_t bound) { return below(bound) == 0; }

 protected:
  ~Choices() = default;
};

class SeededChoices final : public Choices {
 public:
  explicit SeededChoices(Rng rng) : rng_(rng) {}
  std::uint64_t below(std::uint64_t bound) override { return rng_.below(bound); }

 private:
  Rng rng_;
};

/// From the bytes of a fuzzer, smallest first where they end.
class FuzzedChoices final : public Choices {
 public:
  explicit FuzzedChoices(BytesView bytes) : bytes_(bytes) {}
  std::uint64_t below(std::uint64_t bound) override;
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }

 private:
  BytesView bytes_;
};

class Attacker {
 public:
  explicit Attacker(Choices& choices) : choices_(choices) {}

  struct Shot {
    std::size_t socket = 0;  ///< which of its sockets; 0 is the one that made the handshake
    RawPeer::Datagram datagram;
  };
  static constexpr std::size_t sockets = 5;

  /// What the next peer announces, and the ALPN that it offers or expects.
  [[nodiscard]] RawParameters parameters();
  [[nodiscard]] std::string alpn();
  /// During the handshake: may put other frames into the next packets.
  void meddle(RawPeer& peer);
  /// With the keys: some datagrams, or a write by the rules, or nothing.
  [[nodiscard]] std::vector<Shot> shoot(RawPeer& peer, Mono now);
  /// A legal or illegal sequence of frames.
  [[nodiscard]] std::vector<std::uint8_t> frames();

 private:
  [[nodiscard]] std::uint64_t number();
  void integer(std::vector<std::uint8_t>& out, std::uint64_t value);
  void bytes(std::vector<std::uint8_t>& out, std::size_t size);
  void frame(std::vector<std::uint8_t>& out);
  void new_connection_id(std::vector<std::uint8_t>& out);
  void tls_message(std::vector<std::uint8_t>& out);
  [[nodiscard]] RawPeer::Packet packet();

  Choices& choices_;
  std::vector<RawPeer::Datagram> sent_;            // the newest, to be repeated
  std::vector<std::vector<std::uint8_t>> issued_;  // NEW_CONNECTION_IDs, to be repeated
};

}  // namespace mosaik::sim
