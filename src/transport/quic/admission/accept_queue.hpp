#pragma once
/// First datagrams of connections that do not exist yet: who may wait, who must prove its address first, who is sent
/// away.

#include <map>
#include <optional>
#include <vector>

#include "transport/quic/admission/replies.hpp"
#include "transport/quic/connection/connection.hpp"

namespace mosaik::quic {

class AcceptQueue {
 public:
  AcceptQueue(Shared& shared, Replies& replies) : shared_(shared), replies_(replies) {}

  /// A datagram with a long header that no connection knows.
  void on_stranger(Mono now, const DatagramPath& path, BytesView bytes);

  struct Waiting {
    DatagramPath path;
    std::vector<std::uint8_t> bytes;
    Mono since{};
  };
  /// The longest waiting one that is still worth an answer.
  [[nodiscard]] std::optional<Waiting> next(Mono now);
  [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
  void check_invariants() const;

  /// What a first datagram says, read again with the rules of now; nothing when it is not acceptable.
  [[nodiscard]] std::optional<FirstPacket> parse(Mono now, const DatagramPath& path, BytesView bytes) const;

 private:
  static constexpr std::size_t largest = 4096;  // bytes of a first datagram; clients send 1200 to 1472

  /// At most limits::retries_per_client Retries in a limits::retry_window.
  [[nodiscard]] bool may_ask(Mono now, const SocketAddress& client);

  Shared& shared_;
  Replies& replies_;
  std::map<std::uint64_t, Waiting> waiting_;  // by order of arrival
  AdmissionTable<std::uint64_t> places_{{.places = limits::handshake_backlog}};
  std::uint64_t next_ = 0;
  std::map<SocketAddress, std::size_t> asked_;  // to retry, in this window
  std::size_t asked_count_ = 0;
  Mono asked_since_{};
};

}  // namespace mosaik::quic
