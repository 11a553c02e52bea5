#include <mosaik/types/address.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace mosaik {
namespace {

/// An IP address and what stands behind its colon.
struct Parts {
  std::string_view host;
  std::string_view port;
  SocketAddress::Family family;
};

std::optional<Parts> split(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find("]:");
    if (end == std::string_view::npos) return std::nullopt;
    return Parts{text.substr(1, end - 1), text.substr(end + 2), SocketAddress::Family::v6};
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  return Parts{text.substr(0, colon), text.substr(colon + 1), SocketAddress::Family::v4};
}

/// Decimal digits and nothing else, 0 to 65535.
std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc{} || stopped != text.data() + text.size()) return std::nullopt;
  return port;
}

/// What stands behind the `%` of a scoped address: an interface's index. Nothing when it is anything else.
std::optional<std::uint32_t> parse_scope(std::string_view text) {
  std::uint32_t scope = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), scope);
  if (scope == 0 || error != std::errc{} || stopped != text.data() + text.size()) return std::nullopt;
  return scope;
}

std::optional<SocketAddress> parse_host(Parts parts, std::uint16_t port) {
  if (const auto percent = parts.host.find('%'); percent != std::string_view::npos) {
    const auto scope = parse_scope(parts.host.substr(percent + 1));
    parts.host = parts.host.substr(0, percent);
    const auto plain = scope ? parse_host(parts, port) : std::nullopt;
    if (!plain || plain->with_scope(*scope) == *plain) return std::nullopt;
    return plain->with_scope(*scope);
  }
  std::array<char, INET6_ADDRSTRLEN> host{};  // inet_pton wants a terminator
  if (parts.host.size() >= host.size()) return std::nullopt;
  std::ranges::copy(parts.host, host.begin());
  if (parts.family == SocketAddress::Family::v4) {
    std::array<std::uint8_t, 4> octets{};
    if (inet_pton(AF_INET, host.data(), octets.data()) != 1) return std::nullopt;
    return SocketAddress::v4(octets, port);
  }
  std::array<std::uint8_t, 16> octets{};
  if (inet_pton(AF_INET6, host.data(), octets.data()) != 1) return std::nullopt;
  return SocketAddress::v6(octets, port);
}

constexpr std::array<std::uint8_t, 12> v4_mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

Result<SocketAddress> SocketAddress::parse(std::string_view text) {
  if (const std::optional<Parts> parts = split(text)) {
    if (const std::optional<std::uint16_t> port = parse_port(parts->port)) {
      if (const std::optional<SocketAddress> address = parse_host(*parts, *port)) return *address;
    }
  }
  return fail(Errc::invalid_argument,
              "'" + std::string(text) + "' is no address; write 192.0.2.7:4433 or [2001:db8::1]:4433");
}

bool SocketAddress::is_loopback() const noexcept {
  if (is_v4()) return octets_[0] == 127;
  if (std::equal(v4_mapped.begin(), v4_mapped.end(), octets_.begin())) return octets_[12] == 127;
  return std::all_of(octets_.begin(), octets_.end() - 1, [](std::uint8_t octet) { return octet == 0; }) &&
         octets_[15] == 1;
}

std::string SocketAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> host{};
  inet_ntop(is_v4() ? AF_INET : AF_INET6, octets_.data(), host.data(), static_cast<socklen_t>(host.size()));
  std::string out(host.data());
  if (scope_ != 0) out += "%" + std::to_string(scope_);
  if (!is_v4()) out = "[" + out + "]";
  return out + ":" + std::to_string(port_);
}

}  // namespace mosaik
