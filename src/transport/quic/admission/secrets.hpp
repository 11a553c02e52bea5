#pragma once
/// What only this node can compute: stateless reset tokens, which outlive the process because their key comes from the
/// secret key, and Retry tokens, which do not.

#include <array>
#include <optional>

#include "base/now.hpp"
#include "crypto/ed25519.hpp"
#include "transport/quic/connection/cid.hpp"

namespace mosaik::quic {

using ResetToken = std::array<std::uint8_t, 16>;

/// RFC 9000 10.3.2: the token is a keyed function of the connection id, so that a process that lost all state, or a new
/// process with the same secret key, can still prove that the connection is gone.
class ResetTokens {
 public:
  explicit ResetTokens(const crypto::SecretKey& key) : key_(key.derive("quic stateless reset")) {}
  ~ResetTokens();
  ResetTokens(const ResetTokens&) = delete;
  ResetTokens& operator=(const ResetTokens&) = delete;

  [[nodiscard]] ResetToken token(BytesView cid) const noexcept;

 private:
  Bytes32 key_;
};

/// RFC 9000 8.1.2: shows that a client received what was sent to its address. Valid for a short time, for one address
/// and for one pair of connection ids.
class RetryTokens {
 public:
  static constexpr std::size_t most = 1 + 8 + 1 + Cid::most + 32;
  static constexpr Nanoseconds lifetime = 10s;

  explicit RetryTokens(const Bytes32& key) noexcept : key_(key) {}
  ~RetryTokens();
  RetryTokens(const RetryTokens&) = delete;
  RetryTokens& operator=(const RetryTokens&) = delete;

  struct Token {
    std::array<std::uint8_t, most> bytes{};
    std::size_t size = 0;
    [[nodiscard]] BytesView view() const noexcept { return BytesView(bytes).first(size); }
  };
  /// `original` is the id that the client chose first, `retry` the one that we ask it to use.
  [[nodiscard]] Token make(Mono now, const SocketAddress& client, const Cid& original, const Cid& retry) const noexcept;
  /// The original id, when the token is ours, fresh, and made for this client and this retry id.
  [[nodiscard]] std::optional<Cid> verify(Mono now, const SocketAddress& client, const Cid& retry,
                                          BytesView token) const;

 private:
  [[nodiscard]] Bytes32 seal(BytesView plain, const SocketAddress& client, const Cid& retry) const noexcept;
  Bytes32 key_;
};

}  // namespace mosaik::quic
