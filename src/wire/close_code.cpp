#include "wire/close_code.hpp"

namespace mosaik {

std::string_view reason_of(CloseCode code) noexcept {
  switch (code) {
    case CloseCode::disconnect: return "Disconnect";
    case CloseCode::invalid_alpn: return "InvalidAlpn";
    case CloseCode::different_network: return "DifferentNetwork";
    case CloseCode::cancelled: return "Cancelled";
    case CloseCode::unexpected_close: return "UnexpectedClose";
    case CloseCode::success: return "Success";
    case CloseCode::graceful_shutdown: return "GracefulShutdown";
    case CloseCode::protocol_violation: return "ProtocolViolation";
    case CloseCode::unknown_peer: return "UnknownPeer";
    case CloseCode::invalid_handshake: return "InvalidHandshake";
    case CloseCode::not_allowed: return "NotAllowed";
    case CloseCode::group_not_found: return "GroupNotFound";
    case CloseCode::invalid_proof: return "InvalidProof";
    case CloseCode::timeout: return "Timeout";
    case CloseCode::already_bonded: return "AlreadyBonded";
  }
  return "Unknown";
}

}  // namespace mosaik
