#pragma once
/// Application close codes of the crate; the reason phrase is the name, only the code is compared (spec: groups 3.3).

#include <cstdint>
#include <string_view>

namespace mosaik {

enum class CloseCode : std::uint64_t {
  disconnect = 0,
  invalid_alpn = 100,
  different_network = 101,
  cancelled = 102,
  unexpected_close = 103,
  success = 200,
  graceful_shutdown = 204,
  protocol_violation = 400,
  unknown_peer = 401,
  invalid_handshake = 30400,
  not_allowed = 30403,
  group_not_found = 30404,
  invalid_proof = 30405,
  timeout = 30408,
  already_bonded = 30429,
};

/// The crate's name of the code in ASCII, or "Unknown".
[[nodiscard]] std::string_view reason_of(CloseCode code) noexcept;

}  // namespace mosaik
