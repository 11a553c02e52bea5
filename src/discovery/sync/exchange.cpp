#include "discovery/sync/exchange.hpp"

#include <algorithm>

#include "base/assert.hpp"

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

const Exchange& ExchangeTable::add(Exchange exchange) {
  const auto [place, added] = table_.try_emplace(exchange.link, std::move(exchange));
  MOSAIK_ASSERT(added);
  index(place->second);
  return place->second;
}

const Exchange* ExchangeTable::find(LinkId link) const {
  const auto found = table_.find(link);
  return found == table_.end() ? nullptr : &found->second;
}

void ExchangeTable::count(Tally& tally, const Exchange& exchange, std::size_t by) {
  if (exchange.is_counted_sync()) tally.syncs += by;
  if (exchange.is_dialed_ping()) tally.pings += by;
  if (exchange.place) tally.places += by;
  if (exchange.knocks()) tally.knocking += by;
}

Exchange& ExchangeTable::unindexed(const Exchange& exchange) {
  Exchange& one = table_.at(exchange.link);
  if (!one.live()) return one;
  const bool had_deadline = deadlines_.erase({one.deadline, one.link}) == 1;
  const bool had_peer = by_peer_.erase({one.peer, one.link}) == 1;
  MOSAIK_ASSERT(had_deadline && had_peer);
  count(tally_, one, std::size_t{0} - 1);
  return one;
}

void ExchangeTable::index(const Exchange& exchange) {
  if (!exchange.live()) return;
  deadlines_.emplace(exchange.deadline, exchange.link);
  by_peer_.emplace(exchange.peer, exchange.link);
  count(tally_, exchange, 1);
}

void ExchangeTable::advance(const Exchange& exchange, Exchange::Stage next) {
  using Stage = Exchange::Stage;
  Exchange& one = unindexed(exchange);
  const bool opens = one.stage == Stage::opening && next == Stage::reading && one.dialed();
  const bool replies = one.stage == Stage::reading && next == Stage::awaiting_close && !one.dialed();
  MOSAIK_ASSERT(one.live() && (opens || replies || next == Stage::finished));
  one.stage = next;
  index(one);
}

void ExchangeTable::rename(LinkId dial, LinkId winner) {
  const auto found = table_.find(dial);
  if (found == table_.end()) return;
  unindexed(found->second);
  auto node = table_.extract(found);
  node.key() = winner;
  node.mapped().link = winner;
  const auto [place, inserted, rest] = table_.insert(std::move(node));
  MOSAIK_ASSERT(inserted);
  index(place->second);
}

void ExchangeTable::erase(LinkId link) {
  const auto found = table_.find(link);
  if (found == table_.end()) return;
  unindexed(found->second);
  table_.erase(found);
  places_.leave(link);
}

const Exchange* ExchangeTable::admit(const Exchange& exchange, AdmissionClass standing) {
  MOSAIK_ASSERT(!exchange.dialed());
  const auto leaving = places_.admit(exchange.link, exchange.remote, standing);
  return leaving ? find(*leaving) : nullptr;
}

const Exchange* ExchangeTable::dialed_to(const PeerId& peer, Alpn alpn) const {
  const auto found = with(peer, [&](const Exchange& each) { return each.dialed() && each.alpn == alpn; });
  return found.empty() ? nullptr : found.front();
}

std::vector<LinkId> ExchangeTable::overdue(const Now& now) const {
  std::vector<LinkId> out;
  for (const auto& [deadline, link] : deadlines_) {
    if (deadline > now.mono) break;
    out.push_back(link);
  }
  std::ranges::sort(out);
  return out;
}

void ExchangeTable::check_invariants() const {
  Tally counted;
  std::size_t live = 0;
  for (const auto& [link, exchange] : table_) {
    MOSAIK_ASSERT(exchange.link == link);
    if (!exchange.live()) continue;
    ++live;
    count(counted, exchange, 1);
    // Each exchange ends by its deadline: a peer that falls silent cannot keep a place.
    MOSAIK_ASSERT(deadlines_.contains({exchange.deadline, link}) && exchange.deadline != never);
    // A second sync with one peer waits for the first: a request finds it by its peer.
    MOSAIK_ASSERT(by_peer_.contains({exchange.peer, link}));
    // Admission limits what strangers hold open: each accepted exchange has a place.
    MOSAIK_ASSERT(exchange.dialed() || places_.contains(link));
  }
  MOSAIK_ASSERT(deadlines_.size() == live && by_peer_.size() == live);
  // The limits on concurrent dials hold only while the tally is true; one too high stops discovery for ever.
  MOSAIK_ASSERT(tally_ == counted);
  MOSAIK_ASSERT(counted.syncs <= limits::concurrent_syncs && counted.places <= limits::contact_dials);
}

}  // namespace mosaik::discovery
