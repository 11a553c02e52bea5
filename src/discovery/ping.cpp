// Ping (spec: discovery 5.1), dialed and accepted: a zero-length frame, and the entry of who was asked.

#include "discovery/impl.hpp"

namespace mosaik::discovery {

void Discovery::Impl::ping(const Now& now, const PeerId& peer, const std::vector<SocketAddress>& addresses,
                           Links& links, Facts& events) {
  const auto refuse = [&](Errc code, std::string text) {
    events.emplace_back(PingEnded{peer, fail(code, std::move(text)), {}});
  };
  if (peer == self_.id()) return refuse(Errc::invalid_argument, "that is our own id");
  if (exchanges_.dialed_to(peer, Alpn::ping) != nullptr) return;
  const auto running =
      exchanges_.count([](const Exchange& other) { return other.dialed() && other.alpn == Alpn::ping; });
  if (running >= pings) return refuse(Errc::limit, "too many pings at a time");
  Exchange exchange;
  exchange.peer = peer;
  exchange.alpn = Alpn::ping;
  exchange.origin = Exchange::Origin::request;
  dial(now, exchange, addresses_of(now, peer, addresses), DialSource::contact, links, events);
}

void Discovery::Impl::open_ping(const Now& now, Exchange& exchange, Links& links, Facts& events) {
  links.set_frame_limit(exchange.link, limits::ping_frame);
  if (links.send(exchange.link, SendClass::catalog, pool_.make({})) == SendResult::queued) return;
  abandon(now, exchange, CloseCode::cancelled, {Errc::limit, "the ping could not be queued"}, links, events);
}

// The reply is our entry as it is. The crate answers with a newer version that it does not keep; whoever stores that
// one then ignores its departure (spec: discovery 5.1).
void Discovery::Impl::serve_ping(const Now& now, Exchange& exchange, Links& links, Facts& events) {
  exchange.stage = Exchange::Stage::awaiting_close;
  if (links.send(exchange.link, SendClass::catalog, pool_.make(self_.entry()->bytes)) != SendResult::queued)
    abandon(now, exchange, CloseCode::cancelled, {Errc::limit, "the reply could not be queued"}, links, events);
}

void Discovery::Impl::finish_ping(const Now& now, Exchange& exchange, BytesView payload, Links& links, Facts& events) {
  postcard::Reader reader(payload);
  const auto view = wire::cut_signed_entry(reader);
  if (!view) {
    if (view.error().code == Errc::old_entry_layout) entry_validation_.note_old_layout(now, exchange.peer, events);
    return abandon(now, exchange, CloseCode::protocol_violation, view.error(), links, events);
  }
  const auto entry = entry_validation_.verify_own(now, exchange.peer, *view, events);
  if (!entry && entry.error().code != Errc::wrong_network)
    return abandon(now, exchange, CloseCode::protocol_violation, entry.error(), links, events);
  Nanoseconds rtt{};
  if (const auto stats = links.stats(exchange.link))
    rtt = stats->smoothed_rtt > 0ns ? stats->smoothed_rtt : stats->least_rtt;
  exchange.stage = Exchange::Stage::finished;
  links.close(now, exchange.link, CloseCode::success, CloseMode::at_once);
  if (entry) accept(now, *entry, exchange.peer, events);
  events.emplace_back(PingEnded{exchange.peer, entry, rtt});
}

}  // namespace mosaik::discovery
