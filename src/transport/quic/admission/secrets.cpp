#include "transport/quic/admission/secrets.hpp"

#include <algorithm>

#include "crypto/hash.hpp"

namespace mosaik::quic {
namespace {

constexpr std::uint8_t token_mark = 0xa7;  // tells our Retry tokens from other nodes' NEW_TOKEN tokens
constexpr std::size_t plain_head = 1 + 8 + 1;

}  // namespace

ResetTokens::~ResetTokens() {
  crypto::wipe(key_);
}

ResetToken ResetTokens::token(BytesView cid) const noexcept {
  ResetToken out;
  crypto::Hasher::keyed(key_).update(cid).finish(out);
  return out;
}

RetryTokens::~RetryTokens() {
  crypto::wipe(key_);
}

Bytes32 RetryTokens::seal(BytesView plain, const SocketAddress& client, const Cid& retry) const noexcept {
  const std::uint16_t port = client.port();
  const std::array<std::uint8_t, 4> head = {static_cast<std::uint8_t>(client.family()),
                                            static_cast<std::uint8_t>(port >> 8U),
                                            static_cast<std::uint8_t>(port & 0xffU), retry.size};
  return crypto::Hasher::keyed(key_).update(head).update(client.octets()).update(retry.view()).update(plain).finish();
}

RetryTokens::Token RetryTokens::make(Mono now, const SocketAddress& client, const Cid& original,
                                     const Cid& retry) const noexcept {
  Token out;
  const auto time = static_cast<std::uint64_t>(now.time_since_epoch().count());
  out.bytes[0] = token_mark;
  for (std::size_t i = 0; i < 8; ++i) out.bytes[1 + i] = static_cast<std::uint8_t>(time >> (56 - 8 * i));
  out.bytes[9] = original.size;
  std::ranges::copy(original.view(), out.bytes.begin() + plain_head);
  const std::size_t plain = plain_head + original.size;
  const Bytes32 mac = seal(BytesView(out.bytes).first(plain), client, retry);
  std::ranges::copy(mac, out.bytes.begin() + static_cast<std::ptrdiff_t>(plain));
  out.size = plain + mac.size();
  return out;
}

std::optional<Cid> RetryTokens::verify(Mono now, const SocketAddress& client, const Cid& retry, BytesView token) const {
  if (token.size() < plain_head + 32 || token.size() > most || token[0] != token_mark) return std::nullopt;
  const BytesView plain = token.first(token.size() - 32);
  if (plain[9] != plain.size() - plain_head) return std::nullopt;
  if (!crypto::equal_constant_time(seal(plain, client, retry), token.subspan(plain.size()))) return std::nullopt;
  std::uint64_t time = 0;
  for (std::size_t i = 0; i < 8; ++i) time = time << 8U | plain[1 + i];
  const Mono issued{Nanoseconds(static_cast<std::int64_t>(time))};
  if (now < issued || now - issued > lifetime) return std::nullopt;
  return Cid(plain.subspan(plain_head));
}

}  // namespace mosaik::quic
