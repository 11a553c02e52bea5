#include "discovery/sync/exchanges.hpp"

#include "base/assert.hpp"

namespace mosaik::discovery {

Exchanges::Exchanges(Nanoseconds sync_timeout, PeerDirectory& peers, EntryValidation& validation,
                     Diagnostics& diagnostics, FramePool& pool, SyncObserver& observer)
    : sync_timeout_(sync_timeout),
      peers_(peers),
      validation_(validation),
      diagnostics_(diagnostics),
      pool_(pool),
      observer_(observer),
      catalog_sync_(peers, validation, pool) {}

bool Exchanges::awaits(const LinkEvent& event) const {
  const auto on = [&](LinkId link) {
    const Exchange* const exchange = table_.find(link);
    return exchange != nullptr && exchange->live();
  };
  if (const auto* const frame = std::get_if<LinkFrame>(&event)) return on(frame->link);
  if (const auto* const active = std::get_if<LinkActive>(&event)) return on(active->link);
  return true;
}

void Exchanges::on_link(const Context& context, const LinkEvent& event) {
  std::visit([&](const auto& each) { on_event(context, each); }, event);
}

void Exchanges::on_event(const Context& context, const LinkOpened& event) {
  if (event.side == Side::acceptor) return on_accepted(context, event);
  on_dialed(context, event);
}

void Exchanges::on_event(const Context& context, const LinkFrame& event) {
  const Exchange* const exchange = table_.find(event.link);
  if (exchange == nullptr || !exchange->live()) return;
  table_.on_frame(event.link);
  if (!exchange->dialed())
    table_.change(*exchange, [](Exchange& one) { one.deadline = one.opened + limits::accept_timeout; });
  if (exchange->stage != Exchange::Stage::reading)
    return abandon(context, *exchange, CloseCode::protocol_violation, {Errc::malformed, "it sent more than one frame"});
  const bool sync = exchange->alpn == Alpn::sync;
  if (exchange->dialed())
    return sync ? finish_sync(context, *exchange, event.payload) : finish_ping(context, *exchange, event.payload);
  return sync ? serve_sync(context, *exchange, event.payload) : serve_ping(context, *exchange);
}

void Exchanges::on_event(const Context& context, const LinkEnded& event) {
  const Exchange* const exchange = table_.find(event.link);
  if (exchange == nullptr || exchange->stage != Exchange::Stage::reading) return;
  abandon(context, *exchange, CloseCode::unexpected_close, {Errc::closed, "it ended the stream without a whole frame"});
}

void Exchanges::on_event(const Context& context, const LinkOversized& event) {
  const Exchange* const exchange = table_.find(event.link);
  if (exchange == nullptr || !exchange->live()) return;
  abandon(context, *exchange, CloseCode::protocol_violation, {Errc::limit, "it announced a frame beyond the limit"});
}

void Exchanges::on_event(const Context&, const LinkUnreachable& event) {
  if (const Exchange* const exchange = table_.find(event.link))
    table_.change(*exchange, [](Exchange& one) { one.unreachable = true; });
}

void Exchanges::on_event(const Context& context, const LinkClosed& event) {
  const Exchange* const found = table_.find(event.link);
  if (found == nullptr) return;
  const Exchange exchange = *found;
  table_.erase(event.link);
  if (!exchange.live()) return;
  if (exchange.dialed())
    return end(context.now, exchange, std::unexpected(failure_of(exchange, event.close)), Told::no, context.events);
  on_dialer_closed(context, exchange, event.close);
}

void Exchanges::abandon(const Context& context, const Exchange& exchange, CloseCode code, Error error) {
  table_.advance(exchange, Exchange::Stage::finished);
  context.links.close(context.now, exchange.link, code, CloseMode::at_once);
  if (exchange.dialed()) end(context.now, exchange, std::unexpected(std::move(error)), Told::no, context.events);
}

void Exchanges::on_timer(const Context& context) {
  for (const LinkId link : table_.overdue(context.now)) {
    const Exchange* const exchange = table_.find(link);
    MOSAIK_ASSERT(exchange != nullptr);
    if (still_comes(context, *exchange)) continue;
    abandon(context, *exchange, CloseCode::cancelled, timeout_of(*exchange, sync_timeout_));
  }
}

}  // namespace mosaik::discovery
