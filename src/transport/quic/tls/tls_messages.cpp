#include "transport/quic/tls/tls_messages.hpp"

#include <algorithm>

namespace mosaik::quic {
namespace {

// RFC 8446 4.
constexpr std::uint8_t client_hello = 1;
constexpr std::uint8_t server_hello = 2;
constexpr std::uint8_t new_session_ticket = 4;
constexpr std::uint8_t encrypted_extensions = 8;
constexpr std::uint8_t certificate = 11;
constexpr std::uint8_t certificate_request = 13;
constexpr std::uint8_t certificate_verify = 15;
constexpr std::uint8_t finished = 20;
// RFC 8446 6.
constexpr std::uint8_t unexpected_message = 10;
constexpr std::uint8_t decode_error = 50;

constexpr unsigned most_hellos = 2;  // the second one answers a HelloRetryRequest

constexpr std::uint32_t bit(std::uint8_t type) noexcept {
  return std::uint32_t{1} << type;
}
constexpr std::uint32_t of_client = bit(certificate) | bit(certificate_verify) | bit(finished);
constexpr std::uint32_t of_server = of_client | bit(encrypted_extensions) | bit(certificate_request);

}  // namespace

bool TlsMessages::refuse(std::uint8_t alert) noexcept {
  alert_ = alert;
  return false;
}

bool TlsMessages::has_room(PacketSpace space, std::size_t length) noexcept {
  if (length > longest) return refuse(decode_error);
  if (space != PacketSpace::application) return true;
  tickets_ += length;
  return tickets_ <= most_tickets || refuse(unexpected_message);
}

bool TlsMessages::begins(PacketSpace space, std::uint8_t type) noexcept {
  switch (space) {
    case PacketSpace::initial:
      if (type != (side_ == Side::acceptor ? client_hello : server_hello)) return refuse(unexpected_message);
      return ++hellos_ <= most_hellos || refuse(unexpected_message);
    case PacketSpace::handshake: {
      const std::uint32_t allowed = side_ == Side::acceptor ? of_client : of_server;
      if (type > finished || (bit(type) & allowed) == 0) return refuse(unexpected_message);
      if ((seen_ & (bit(type) | bit(finished))) != 0) return refuse(unexpected_message);
      seen_ |= bit(type);
      return true;
    }
    case PacketSpace::application:
      return (side_ == Side::initiator && type == new_session_ticket) || refuse(unexpected_message);
    case PacketSpace::early: break;
  }
  return refuse(unexpected_message);
}

TlsMessages::Fate TlsMessages::admit(PacketSpace space, BytesView bytes) noexcept {
  Stream& stream = space == PacketSpace::initial     ? initial_
                   : space == PacketSpace::handshake ? handshake_
                                                     : application_;
  while (!bytes.empty()) {
    if (stream.body_left > 0) {
      const std::size_t size = std::min(stream.body_left, bytes.size());
      stream.body_left -= size;
      bytes = bytes.subspan(size);
      continue;
    }
    if (stream.header_size == 0 && !begins(space, bytes[0])) return Fate::refuse;
    stream.header[stream.header_size++] = bytes[0];
    bytes = bytes.subspan(1);
    if (stream.header_size < stream.header.size()) continue;
    stream.header_size = 0;
    stream.body_left = std::size_t{stream.header[1]} << 16U | std::size_t{stream.header[2]} << 8U | stream.header[3];
    if (!has_room(space, stream.body_left)) return Fate::refuse;
  }
  return space == PacketSpace::application ? Fate::discard : Fate::to_library;
}

}  // namespace mosaik::quic
