#include "discovery/exchange.hpp"

#include <algorithm>

namespace mosaik::discovery {

namespace {

Error closed_by_peer(const Exchange& exchange, const CloseInfo& close) {
  if (close.is(CloseCode::protocol_violation))
    return {Errc::refused, "it could not read what we sent; it may speak another release of mosaik"};
  if (close.is(CloseCode::cancelled)) return {Errc::refused, "it is too busy, or shutting down"};
  std::string text = "it closed the connection with " + std::string(close.application ? "" : "QUIC error ") +
                     std::to_string(close.code);
  if (!close.reason.empty()) text += " (" + close.reason + ")";
  return {exchange.stage == Exchange::Stage::opening ? Errc::refused : Errc::closed, std::move(text)};
}

/// RFC 9001 4.8: the codes 0x100 to 0x1ff carry a TLS alert.
bool is_tls_failure(const CloseInfo& close) {
  return !close.application && close.code >= 0x100 && close.code <= 0x1ff;
}

Error never_opened(const Exchange& exchange, const CloseInfo& close) {
  if (exchange.unreachable) return {Errc::unreachable, "nobody listens there (port unreachable)"};
  if (is_tls_failure(close) && exchange.place)
    return {Errc::refused, "what answers there is no mosaik node, or it refused our key" +
                               (close.reason.empty() ? std::string() : " (" + close.reason + ")")};
  if (is_tls_failure(close))
    return {Errc::refused, "another key than that of " + exchange.peer.brief() + " answers there, or it refused ours" +
                               (close.reason.empty() ? std::string() : " (" + close.reason + ")") +
                               "; compare the id with the contact that the node there prints"};
  if (!close.reason.empty()) return {Errc::unreachable, "no connection: " + close.reason};
  return {Errc::timed_out, "nothing answers there"};
}

}  // namespace

Error failure_of(const Exchange& exchange, const CloseInfo& close) {
  switch (close.by) {
    case ClosedBy::handshake: return never_opened(exchange, close);
    case ClosedBy::peer: return closed_by_peer(exchange, close);
    case ClosedBy::stateless_reset: return {Errc::closed, "it was restarted meanwhile"};
    case ClosedBy::idle: return {Errc::timed_out, "it fell silent"};
    case ClosedBy::moved: return {Errc::closed, "its address changed"};
    case ClosedBy::transport: return {Errc::closed, "a QUIC error" + (close.reason.empty() ? "" : ": " + close.reason)};
    case ClosedBy::us: break;
  }
  return {Errc::closed, "we closed the connection"};
}

Error timeout_of(const Exchange& exchange, Nanoseconds waited) {
  if (exchange.unreachable) return {Errc::unreachable, "nobody listens there (port unreachable)"};
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(waited).count();
  const char* what =
      exchange.stage == Exchange::Stage::opening ? "nothing answers there" : "it accepted us but did not reply";
  return {Errc::timed_out, std::string(what) + " within " + std::to_string(milliseconds) + " ms"};
}

Exchange* Exchanges::find(LinkId link) {
  const auto found = table_.find(link);
  return found == table_.end() ? nullptr : &found->second;
}

Exchange* Exchanges::dialed_to(const PeerId& peer, Alpn alpn) {
  for (auto& [link, exchange] : table_)
    if (exchange.live() && exchange.dialed() && exchange.alpn == alpn && exchange.peer == peer) return &exchange;
  return nullptr;
}

Exchange* Exchanges::oldest_from(const PeerId& peer) {
  for (auto& [link, exchange] : table_)  // links are numbered in the order of their making
    if (exchange.live() && !exchange.dialed() && exchange.peer == peer) return &exchange;
  return nullptr;
}

std::vector<LinkId> Exchanges::overdue(const Now& now) const {
  std::vector<LinkId> out;
  for (const auto& [link, exchange] : table_)
    if (exchange.live() && exchange.deadline <= now.mono) out.push_back(link);
  return out;
}

Mono Exchanges::deadline() const {
  Mono out = never;
  for (const auto& [link, exchange] : table_)
    if (exchange.live()) out = std::min(out, exchange.deadline);
  return out;
}

}  // namespace mosaik::discovery
