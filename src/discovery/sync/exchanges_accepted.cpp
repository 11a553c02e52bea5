// The acceptor's role.

#include <algorithm>

#include "base/assert.hpp"
#include "discovery/sync/exchanges.hpp"

namespace mosaik::discovery {

void Exchanges::on_accepted(const Context& context, const LinkOpened& event) {
  const Now& now = context.now;
  Exchange exchange;
  exchange.link = event.link;
  exchange.peer = event.peer;
  exchange.alpn = event.alpn;
  exchange.stage = Exchange::Stage::reading;
  exchange.remote = event.remote;
  exchange.opened = now.mono;
  exchange.deadline = now.mono + limits::first_frame;
  const bool ours = event.peer == peers_.own_id();
  if (ours) diagnostics_.same_identity(now, event.peer, " at " + event.remote.text(), context.events);
  // The newest of a peer's exchanges counts: the oldest may be with a process that is no more.
  const std::vector<const Exchange*> theirs = table_.accepted_from(event.peer);
  if (theirs.size() >= incoming_per_peer)
    abandon(context, *theirs.front(), CloseCode::cancelled, {Errc::limit, "the peer opened another exchange"});
  if (ours) {
    exchange.stage = Exchange::Stage::finished;
    table_.add(exchange);
    context.links.close(now, event.link, CloseCode::cancelled, CloseMode::at_once);
    return;
  }
  const AdmissionClass standing = peers_.is_bonded(event.peer) ? AdmissionClass::member : AdmissionClass::stranger;
  if (const Exchange* const leaving = table_.admit(exchange, standing))
    abandon(context, *leaving, CloseCode::timeout, {Errc::limit, "another exchange needed its place"});
  table_.add(exchange);
  MOSAIK_ASSERT(table_.accepted_from(event.peer).size() <= incoming_per_peer);
  context.links.set_frame_limit(event.link, event.alpn == Alpn::sync ? limits::sync_frame : limits::ping_frame);
}

// Our reply is made before theirs is merged: no peer gets back what it brought (spec: discovery 3, step 2).
void Exchanges::serve_sync(const Context& context, const Exchange& exchange, BytesView payload) {
  const auto snapshot = validation_.read(context.now, exchange.peer, payload, context.events);
  if (!snapshot) return abandon(context, exchange, CloseCode::protocol_violation, snapshot.error());
  // A peer that does not show an entry of our network learns who we are, and nothing of others (spec: discovery 8 W7).
  const Frame reply = catalog_sync_.frame(context.now, snapshot->theirs ? Scope::catalog : Scope::own_entry);
  table_.change(exchange, [&](Exchange& one) { one.version = peers_.own_entry()->entry.version.updated; });
  if (context.links.send(exchange.link, SendClass::catalog, reply) != SendResult::queued)
    return abandon(context, exchange, CloseCode::cancelled, {Errc::limit, "our snapshot could not be queued"});
  table_.advance(exchange, Exchange::Stage::awaiting_close);
  const CatalogSync::Merged merged = catalog_sync_.merge(context.now, exchange.peer, *snapshot, context.events);
  table_.change(exchange, [&](Exchange& one) { one.cut_short = merged.cut_short; });
}

// The reply is our entry as it is. The crate answers with a newer version that it does not keep; a peer that stores
// that one then ignores its departure (spec: discovery 5.1).
void Exchanges::serve_ping(const Context& context, const Exchange& exchange) {
  table_.advance(exchange, Exchange::Stage::awaiting_close);
  const Frame reply = pool_.make(peers_.own_entry()->bytes);
  if (context.links.send(exchange.link, SendClass::catalog, reply) != SendResult::queued)
    abandon(context, exchange, CloseCode::cancelled, {Errc::limit, "the reply could not be queued"});
}

// Only the dialer's 200 says that our reply arrived and, for a sync, was understood.
void Exchanges::on_dialer_closed(const Context& context, const Exchange& exchange, const CloseInfo& close) {
  if (exchange.stage != Exchange::Stage::awaiting_close || close.by != ClosedBy::peer || !close.is(CloseCode::success))
    return;
  if (exchange.alpn == Alpn::ping) {
    ++diagnostics_.counters.pings_served;
    return;
  }
  ++diagnostics_.counters.syncs_served;
  observer_.on_sync_served(context.now, exchange);
}

// A first frame that is on its way over a slow path has the time of the whole exchange.
bool Exchanges::still_comes(const Context& context, const Exchange& exchange) {
  const Now& now = context.now;
  const Mono end = exchange.opened + limits::accept_timeout;
  if (exchange.dialed() || exchange.stage != Exchange::Stage::reading || now.mono >= end) return false;
  const auto stats = context.links.stats(exchange.link);
  if (!stats || stats->bytes_received == exchange.received) return false;
  table_.change(exchange, [&](Exchange& one) {
    one.received = stats->bytes_received;
    one.deadline = std::min(now.mono + limits::first_frame, end);
  });
  return true;
}

}  // namespace mosaik::discovery
