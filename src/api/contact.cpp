#include "api/contact.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "crypto/ed25519.hpp"

namespace mosaik::api {
namespace {

constexpr std::string_view service_scheme = "dns:";
constexpr std::string_view forms = "HOST, HOST:PORT, PEERID@HOST:PORT or dns:NAME:PORT";

std::unexpected<Error> wrong(std::string what) {
  return fail(Errc::invalid_argument, std::move(what));
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// Bytes above 0x7f are those of a name in UTF-8, which name servers compare byte by byte.
bool is_name_character(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::optional<SocketAddress> parse_v6(std::string_view host, std::uint16_t port) {
  const auto out = SocketAddress::parse("[" + std::string(host) + "]:" + std::to_string(port));
  return out ? std::optional(*out) : std::nullopt;
}

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty()) return wrong("has no port behind its colon; write a port from 1 to 65535, or no colon");
  if (error != std::errc{} || end != text.data() + text.size() || out == 0)
    return wrong("has the port '" + std::string(text) + "'; a port is a number from 1 to 65535");
  return out;
}

struct Place {
  std::string host;
  std::uint16_t port = default_port;
};

/// What stands in brackets, or an address without a port.
Result<> check_v6(std::string_view host) {
  const std::string text(host);
  const std::size_t percent = std::min(host.find('%'), host.size());
  const auto address = parse_v6(host.substr(0, percent), 1);
  if (!address) return wrong("names '" + text + "', which is no IPv6 address");
  if (address->is_unspecified()) return wrong("names '" + text + "', which stands for any address; write one");
  const bool scoped = percent < host.size();
  if (address->is_link_local() && !scoped)
    return wrong(
        "has a link-local address, which means something on one link only; name the interface behind it, e.g. [" +
        text + "%eth0]:" + std::to_string(default_port));
  if (scoped && !address->is_link_local())
    return wrong("names an interface behind '" + text + "'; only link-local addresses (fe80::) have one");
  if (scoped && percent + 1 == host.size())
    return wrong("names no interface behind the '%' of '" + text + "'; write e.g. " + text + "eth0");
  return {};
}

Result<> check_v4(std::string_view host) {
  const auto address = SocketAddress::parse(std::string(host) + ":1");
  if (!address || !address->is_v4()) return wrong("names '" + std::string(host) + "', which is no IPv4 address");
  if (address->is_unspecified()) return wrong("names '0.0.0.0', which stands for any address; write one");
  return {};
}

Result<> check_name(std::string_view host) {
  const std::string text(host);
  if (host.size() > host_name_bytes)
    return wrong("has a host name of " + std::to_string(host.size()) + " bytes; it may have " +
                 std::to_string(host_name_bytes));
  if (host.ends_with('.')) host.remove_suffix(1);  // the root: no search domain is added
  while (true) {
    const std::size_t dot = std::min(host.find('.'), host.size());
    const std::string_view label = host.substr(0, dot);
    if (label.empty() || label.size() > 63 || !std::ranges::all_of(label, is_name_character))
      return wrong("names the host '" + text +
                   "'; a host name has parts of 1 to 63 letters, digits, '-' and '_' with dots between them");
    if (dot == host.size()) return {};
    host.remove_prefix(dot + 1);
  }
}

Result<> check_host(std::string_view host) {
  if (host.empty()) return wrong("names no host; write " + std::string(forms));
  // No name ends in a label of digits (RFC 1123 2.1): such a text is meant as an address.
  const std::string_view last = host.substr(host.find_last_of('.') + 1);
  if (!last.empty() && std::ranges::all_of(last, is_digit)) return check_v4(host);
  return check_name(host);
}

/// `[V6]`, `[V6]:PORT`
Result<Place> parse_bracketed(std::string_view text) {
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos) return wrong("has no ']' behind its IPv6 address; write [2001:db8::1]:PORT");
  Place out{.host = std::string(text.substr(1, end - 1))};
  if (const auto sound = check_v6(out.host); !sound) return std::unexpected(sound.error());
  const std::string_view rest = text.substr(end + 1);
  if (rest.empty()) return out;
  if (!rest.starts_with(':'))
    return wrong("has '" + std::string(rest) + "' behind its IPv6 address; write [2001:db8::1]:PORT");
  const auto port = parse_port(rest.substr(1));
  if (!port) return std::unexpected(port.error());
  out.port = *port;
  return out;
}

/// More than one colon without brackets: an IPv6 address. What reads as one with and without its end is refused.
Result<Place> parse_bare_v6(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const std::string_view before = text.substr(0, colon);
  const bool may_be_port = parse_port(text.substr(colon + 1)).has_value();
  const bool whole = parse_v6(text, 1).has_value();
  if (may_be_port && parse_v6(before.substr(0, before.find('%')), 1))
    return wrong("may end with a port or not; write [" + std::string(before) +
                 "]:" + std::string(text.substr(colon + 1)) +
                 (whole ? ", or [" + std::string(text) + "] for the address" : ""));
  if (const auto sound = check_v6(text); !sound) return std::unexpected(sound.error());
  return Place{.host = std::string(text)};
}

Result<Place> parse_place(std::string_view text) {
  if (text.starts_with('[')) return parse_bracketed(text);
  const std::size_t colon = text.find(':');
  if (colon != text.rfind(':')) return parse_bare_v6(text);
  Place out{.host = std::string(text.substr(0, colon))};
  if (const auto sound = check_host(out.host); !sound) return std::unexpected(sound.error());
  if (colon == std::string_view::npos) return out;
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return std::unexpected(port.error());
  out.port = *port;
  return out;
}

Result<discovery::BootstrapPeer> parse_service(std::string_view text) {
  auto place = parse_place(text);
  if (!place) return std::unexpected(place.error());
  if (SocketAddress::parse(place->host + ":1") || place->host.contains(':'))
    return wrong("names the address " + place->host + " as a service; write the address without 'dns:'");
  return discovery::BootstrapPeer{.id = {}, .host = std::move(place->host), .port = place->port, .service = true};
}

Result<PeerId> parse_id(std::string_view text) {
  const auto id = PeerId::from_hex(text);
  if (!id || !crypto::is_valid_peer_id(*id))
    return wrong("has '" + std::string(text) +
                 "' before its '@', which is no peer id (64 hexadecimal digits, which the peer prints at start); write "
                 "HOST alone to find whoever answers there");
  return *id;
}

Result<discovery::BootstrapPeer> parse(std::string_view text) {
  if (text.empty()) return wrong("is empty; write " + std::string(forms));
  if (text.starts_with(service_scheme)) return parse_service(text.substr(service_scheme.size()));
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos && PeerId::from_hex(text))
    return wrong("is a peer id without an address; write PEERID@HOST:PORT");
  PeerId id{};
  if (at != std::string_view::npos) {
    const auto parsed = parse_id(text.substr(0, at));
    if (!parsed) return std::unexpected(parsed.error());
    id = *parsed;
    text.remove_prefix(at + 1);
    if (text.starts_with(service_scheme))
      return wrong("names one peer of a service; write dns:NAME for all its members, or PEERID@HOST:PORT");
  }
  auto place = parse_place(text);
  if (!place) return std::unexpected(place.error());
  return discovery::BootstrapPeer{.id = id, .host = std::move(place->host), .port = place->port};
}

}  // namespace

Result<discovery::BootstrapPeer> parse_contact(std::string_view setting, const std::string& text) {
  auto out = parse(text);
  if (!out) return fail(out.error().code, std::string(setting) + " '" + text + "' " + out.error().message);
  return out;
}

Result<discovery::BootstrapPeer> parse_contact_of_peer(std::string_view setting, const std::string& text) {
  auto out = parse_contact(setting, text);
  if (out && out->id == PeerId{})
    return fail(Errc::invalid_argument, std::string(setting) + " '" + text +
                                            "' has no peer id; write PEERID@HOST:PORT (the peer prints it at start)");
  return out;
}

}  // namespace mosaik::api
