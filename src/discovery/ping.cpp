// Ping (spec: discovery 5.1), dialed and accepted: a zero-length frame, and the entry of who was asked.

#include "discovery/impl.hpp"

namespace mosaik::discovery {

void Discovery::Impl::ping(const Now& now, const PeerId& peer, const std::vector<SocketAddress>& addresses,
                           quic::Links& links, Facts& facts) {
  const auto refuse = [&](Errc code, std::string text) {
    facts.emplace_back(PingEnded{peer, fail(code, std::move(text)), {}});
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
  dial(now, exchange, addresses_of(now, peer, addresses), quic::DialSource::contact, links, facts);
}

void Discovery::Impl::open_ping(const Now& now, Exchange& exchange, quic::Links& links, Facts& facts) {
  links.set_frame_limit(exchange.link, limits::ping_frame);
  if (links.send(exchange.link, quic::SendClass::catalog, pool_.make({})) == quic::SendResult::queued) return;
  abandon(now, exchange, CloseCode::cancelled, {Errc::limit, "the ping could not be queued"}, links, facts);
}

// The reply is our entry as it is. The crate answers with a newer version that it does not keep; whoever stores that
// one then ignores its departure (spec: discovery 5.1).
void Discovery::Impl::serve_ping(const Now& now, Exchange& exchange, quic::Links& links, Facts& facts) {
  exchange.stage = Exchange::Stage::awaiting_close;
  if (links.send(exchange.link, quic::SendClass::catalog, pool_.make(self_.entry()->bytes)) != quic::SendResult::queued)
    abandon(now, exchange, CloseCode::cancelled, {Errc::limit, "the reply could not be queued"}, links, facts);
}

void Discovery::Impl::finish_ping(const Now& now, Exchange& exchange, BytesView payload, quic::Links& links,
                                  Facts& facts) {
  postcard::Reader reader(payload);
  const auto view = codec::cut_signed_entry(reader);
  if (!view) {
    if (view.error().code == Errc::old_entry_layout) intake_.note_old_layout(now, exchange.peer, facts);
    return abandon(now, exchange, CloseCode::protocol_violation, view.error(), links, facts);
  }
  const auto entry = intake_.verify_own(now, exchange.peer, *view, facts);
  if (!entry && entry.error().code != Errc::wrong_network)
    return abandon(now, exchange, CloseCode::protocol_violation, entry.error(), links, facts);
  Nanoseconds rtt{};
  if (const auto stats = links.stats(exchange.link))
    rtt = stats->smoothed_rtt > 0ns ? stats->smoothed_rtt : stats->least_rtt;
  exchange.stage = Exchange::Stage::finished;
  links.close(now, exchange.link, CloseCode::success, quic::CloseMode::at_once);
  if (entry) accept(now, *entry, exchange.peer, facts);
  facts.emplace_back(PingEnded{exchange.peer, entry, rtt});
}

}  // namespace mosaik::discovery
