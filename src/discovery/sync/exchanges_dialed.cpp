// The dialer's role.

#include <algorithm>

#include "base/trace.hpp"
#include "discovery/sync/exchanges.hpp"
#include "wire/messages.hpp"

namespace mosaik::discovery {

namespace {
std::string_view name_of(Exchange::Origin origin) {
  switch (origin) {
    case Exchange::Origin::peer: return "the_peer_asked";
    case Exchange::Origin::request: return "asked_for";
    case Exchange::Origin::bootstrap: return "bootstrap";
    case Exchange::Origin::anti_entropy: return "anti_entropy";
  }
  return "anti_entropy";
}

Error own_node() {
  return {Errc::invalid_argument, "that is this node itself"};
}
}  // namespace

Mono Exchanges::dial(const Context& context, Exchange exchange, std::vector<SocketAddress> addresses,
                     DialSource source) {
  const Now& now = context.now;
  std::erase_if(addresses,
                [](const SocketAddress& address) { return address.is_unspecified() || address.port() == 0; });
  DialRequest request{
      .peer = exchange.peer, .addresses = std::move(addresses), .alpn = exchange.alpn, .source = source};
  request.tries = dials_++;  // where nothing speaks for the addresses, one at a time is tried
  const DialPermit permit = context.links.permit(now, request);
  if (permit.at > now.mono && permit.at != never) return permit.at;
  exchange.deadline = now.mono + sync_timeout_;
  if (exchange.alpn == Alpn::sync) ++diagnostics_.counters.syncs_started;
  const auto fail_with = [&](Error why) {
    end(now, exchange, std::unexpected(std::move(why)), Told::no, context.events);
    return now.mono;
  };
  if (permit.ours && exchange.place) {
    exchange.peer = peers_.own_id();
    return fail_with(own_node());
  }
  if (permit.at == never || request.addresses.empty())
    return fail_with({Errc::unreachable, permit.why.empty()
                                             ? "no address of it is known"
                                             : "it has no address that may be dialed: " + std::string(permit.why)});
  const auto link = context.links.dial(now, request);
  if (!link) return fail_with(link.error());
  exchange.link = *link;
  trace([&] {
    return Decision{.component = "discovery",
                    .what = exchange.alpn == Alpn::sync ? "sync_begun" : "ping_begun",
                    .reason = name_of(exchange.origin),
                    .peer = exchange.peer};
  });
  table_.add(std::move(exchange));
  return now.mono;
}

void Exchanges::ping(const Context& context, const PeerId& peer, const std::vector<SocketAddress>& addresses) {
  const auto refuse = [&](Errc code, std::string text) {
    context.events.emplace_back(PingEnded{peer, fail(code, std::move(text)), {}});
  };
  if (peer == peers_.own_id()) return refuse(Errc::invalid_argument, "that is our own id");
  if (table_.dialed_to(peer, Alpn::ping) != nullptr) return;
  if (table_.tally().pings >= pings) return refuse(Errc::limit, "too many pings at a time");
  Exchange exchange;
  exchange.peer = peer;
  exchange.alpn = Alpn::ping;
  exchange.origin = Exchange::Origin::request;
  dial(context, exchange, peers_.addresses_of(context.now, peer, addresses), DialSource::contact);
}

void Exchanges::supersede(const Context& context, const PeerId& peer, const SocketAddress& remote) {
  const Exchange* const earlier = table_.dialed_to(peer, Alpn::sync);
  if (earlier == nullptr || (earlier->stage != Exchange::Stage::opening && earlier->remote == remote)) return;
  // What a caller asked for is not over: the sync that follows answers it.
  if (earlier->origin == Exchange::Origin::request)
    table_.change(*earlier, [](Exchange& one) { one.origin = Exchange::Origin::anti_entropy; });
  abandon(context, *earlier, CloseCode::cancelled, {Errc::unreachable, "it lives at another address now"});
}

void Exchanges::on_dialed(const Context& context, const LinkOpened& event) {
  if (event.dialed_as) table_.rename(*event.dialed_as, event.link);
  const Exchange* const exchange = table_.find(event.link);
  if (exchange == nullptr || exchange->stage != Exchange::Stage::opening) return;
  table_.advance(*exchange, Exchange::Stage::reading);
  table_.change(*exchange, [&](Exchange& one) { one.remote = event.remote; });
  if (meet(context, *exchange, event)) open(context, *exchange);
}

bool Exchanges::meet(const Context& context, const Exchange& exchange, const LinkOpened& opened) {
  if (!exchange.place) return true;
  table_.change(exchange, [&](Exchange& one) { one.peer = opened.peer; });
  if (opened.peer == peers_.own_id()) {
    abandon(context, exchange, CloseCode::cancelled, own_node());
    return false;
  }
  context.events.emplace_back(ContactAnswered{exchange.bootstrap, opened.peer, *exchange.place});
  // A name leads wherever a name server says: a peer that has shown no entry of our network learns who we are, and
  // nothing of others. The next round tells it the rest.
  if (!peers_.find(opened.peer, context.now))
    table_.change(exchange, [](Exchange& one) { one.scope = Scope::own_entry; });
  return true;
}

void Exchanges::open(const Context& context, const Exchange& exchange) {
  const bool sync = exchange.alpn == Alpn::sync;
  context.links.set_frame_limit(exchange.link, sync ? limits::sync_frame : limits::ping_frame);
  if (sync) table_.change(exchange, [&](Exchange& one) { one.version = peers_.own_entry()->entry.version.updated; });
  const Frame frame = sync ? catalog_sync_.frame(context.now, exchange.scope) : pool_.make({});
  if (context.links.send(exchange.link, SendClass::catalog, frame) == SendResult::queued) return;
  abandon(context, exchange, CloseCode::cancelled,
          {Errc::limit, sync ? "our snapshot could not be queued" : "the ping could not be queued"});
}

// Closed before the merge: a Rust acceptor does nothing else until it hears our close (spec: discovery 3).
void Exchanges::finish_sync(const Context& context, const Exchange& exchange, BytesView payload) {
  const auto snapshot = validation_.read(context.now, exchange.peer, payload, context.events);
  if (!snapshot) return abandon(context, exchange, CloseCode::protocol_violation, snapshot.error());
  succeed(context, exchange);
  const CatalogSync::Merged merged = catalog_sync_.merge(context.now, exchange.peer, *snapshot, context.events);
  Exchange ended = exchange;
  ended.cut_short = merged.cut_short;
  end(context.now, ended, merged.result, Told::yes, context.events);
}

void Exchanges::finish_ping(const Context& context, const Exchange& exchange, BytesView payload) {
  postcard::Reader reader(payload);
  const auto view = wire::cut_signed_entry(reader);
  if (!view) {
    if (view.error().code == Errc::old_entry_layout)
      diagnostics_.old_layout(context.now, exchange.peer, context.events);
    return abandon(context, exchange, CloseCode::protocol_violation, view.error());
  }
  const auto entry = validation_.verify_own(context.now, exchange.peer, *view, context.events);
  if (!entry && entry.error().code != Errc::wrong_network)
    return abandon(context, exchange, CloseCode::protocol_violation, entry.error());
  Nanoseconds rtt{};
  if (const auto stats = context.links.stats(exchange.link))
    rtt = stats->smoothed_rtt > 0ns ? stats->smoothed_rtt : stats->least_rtt;
  succeed(context, exchange);
  if (entry) peers_.accept(context.now, *entry, exchange.peer, context.events);
  context.events.emplace_back(PingEnded{exchange.peer, entry, rtt});
}

void Exchanges::succeed(const Context& context, const Exchange& exchange) {
  table_.advance(exchange, Exchange::Stage::finished);
  context.links.close(context.now, exchange.link, CloseCode::success, CloseMode::at_once);
}

void Exchanges::end(const Now& now, const Exchange& exchange, const Result<>& result, Told told, Events& events) {
  if (exchange.alpn == Alpn::ping) {
    events.emplace_back(PingEnded{exchange.peer, std::unexpected(result.error()), {}});
    return;
  }
  Counters& counters = diagnostics_.counters;
  ++(result ? counters.syncs_completed : counters.syncs_failed);
  observer_.on_sync_ended(now, exchange, result, told, events);
}

}  // namespace mosaik::discovery
