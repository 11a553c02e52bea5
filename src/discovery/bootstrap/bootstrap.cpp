#include "discovery/bootstrap/bootstrap.hpp"

#include "base/assert.hpp"

namespace mosaik::discovery {

namespace {
/// What a person can do about a bootstrap peer that fails so.
std::string advice(Errc code) {
  if (code != Errc::unreachable && code != Errc::timed_out) return {};
  return "; start it, or compare the address with the contact that it prints";
}
/// And about its name.
std::string advice_on_name(Errc code) {
  switch (code) {
    case Errc::not_found: return "; check the name";
    case Errc::unreachable:
    case Errc::timed_out: return "; check the name servers of this computer (/etc/resolv.conf)";
    default: return {};
  }
}
}  // namespace

Bootstrap::Bootstrap(std::vector<BootstrapPeer> contacts, PeerDirectory& peers, Exchanges& exchanges,
                     Diagnostics& diagnostics, Rng& rng)
    : peers_(peers),
      exchanges_(exchanges),
      diagnostics_(diagnostics),
      rng_(rng),
      contacts_(std::move(contacts), peers.own_id()) {}

void Bootstrap::start(const Now& now) {
  MOSAIK_ASSERT(!started_);
  started_ = true;
  contacts_.start(now);
}

void Bootstrap::pump(const Context& context) {
  if (!started_) return;
  while (const auto index = contacts_.take(context.now)) {
    if (const auto& literal = contacts_.literal(*index)) {
      go_to(context, *index, {*literal});
      continue;
    }
    contacts_.resolving(context.now, *index);
    const BootstrapPeer& peer = contacts_.at(*index);
    context.events.emplace_back(Resolve{*index, peer.host, peer.port, peer.service});
  }
  ask_places(context);
}

Bootstrap::Resolved Bootstrap::on_resolved(const Context& context, std::size_t index,
                                           const Result<std::vector<SocketAddress>>& addresses) {
  if (!contacts_.resolved(index)) return Resolved::leads_nowhere;
  if (addresses && !addresses->empty()) {
    go_to(context, index, *addresses);
    return Resolved::leads_somewhere;
  }
  const Error why = addresses
                        ? Error{Errc::not_found, "its name has no address"}
                        : Error{addresses.error().code, "its name was not resolved: " + addresses.error().message};
  note_unresolved(context.now, index, why, context.events);
  return Resolved::leads_nowhere;
}

void Bootstrap::on_timer(const Now& now, Events& events) {
  while (const auto index = contacts_.overdue(now))
    note_unresolved(now, *index, {Errc::timed_out, "its name was not resolved in time"}, events);
}

void Bootstrap::go_to(const Context& context, std::size_t index, const std::vector<SocketAddress>& addresses) {
  const auto settled = [&](const PeerId& peer, const SocketAddress& address) {
    return peers_.is_settled_at(context.now, peer, address);
  };
  contacts_.leads_to(context.now, index, addresses, settled, peers_.company(), rng_);
  if (contacts_.at(index).id == PeerId{}) return;  // ask_places()
  Exchange exchange;
  exchange.peer = contacts_.at(index).id;
  exchange.origin = Exchange::Origin::bootstrap;
  exchange.scope = Scope::catalog;
  exchange.bootstrap = index;
  exchanges_.dial(context, exchange, addresses, DialSource::contact);
}

void Bootstrap::ask_places(const Context& context) {
  while (exchanges_.table().tally().places < limits::contact_dials) {
    const auto place = contacts_.take_place();
    if (!place) return;
    Exchange exchange;
    exchange.origin = Exchange::Origin::bootstrap;
    exchange.scope = Scope::catalog;
    exchange.bootstrap = place->contact;
    exchange.place = place->address;
    exchanges_.dial(context, exchange, {place->address}, DialSource::contact);
  }
}

void Bootstrap::on_sync_ended(const Now& now, const Exchange& exchange, const Result<>& result, Told, Events& events) {
  if (result && exchange.place) {
    contacts_.place_answered(now, exchange.bootstrap, *exchange.place, exchange.peer, rng_);
    events.emplace_back(Notice{Notice::Kind::bootstrap_answered,
                               {},
                               "contact " + text_of(contacts_.at(exchange.bootstrap)) + " answered",
                               exchange.bootstrap + 1});
  }
  if (result)
    note_reached(now, exchange.peer, events);
  else if (exchange.origin == Exchange::Origin::bootstrap)
    note_failed(now, exchange, result.error(), events);
}

void Bootstrap::note_reached(const Now& now, const PeerId& peer, Events& events) {
  const bool news = peers_.is_bonded(peer) ? contacts_.bonded(peer) : contacts_.answered(now, peer, rng_);
  if (!news) return;
  // Whatever was said of it lately: it takes back that the peer is silent, and comes no more often than that.
  events.emplace_back(Notice{Notice::Kind::bootstrap_answered, peer, "bootstrap peer " + peer.brief() + " answered"});
}

void Bootstrap::note_failed(const Now& now, const Exchange& exchange, const Error& error, Events& events) {
  const std::size_t contact = exchange.bootstrap;
  if (!exchange.place) {
    contacts_.failed(now, contact, error.message, peers_.company(), rng_);
  } else {
    contacts_.place_failed(now, contact, *exchange.place, exchange.peer, error.message, peers_.company(), rng_);
    if (exchange.peer == peers_.own_id()) {
      // The name of a service leads to us as well.
      if (contacts_.literal(contact))
        tell_silent(now,
                    {contact, exchange.place, "it leads to this node itself", "; give the address of another node"},
                    events);
      return;
    }
  }
  tell_silent(now, {contact, exchange.place, error.message, advice(error.code)}, events);
}

void Bootstrap::note_unresolved(const Now& now, std::size_t index, const Error& error, Events& events) {
  contacts_.failed(now, index, error.message, peers_.company(), rng_);
  tell_silent(now, {index, {}, error.message, advice_on_name(error.code)}, events);
}

void Bootstrap::tell_silent(const Now& now, const Silence& silence, Events& events) {
  const BootstrapPeer& peer = contacts_.at(silence.contact);
  const bool anyone = peer.id == PeerId{};
  const std::string who =
      anyone ? "contact " + text_of(peer) : "bootstrap peer " + peer.id.brief() + " at " + text_of(peer);
  const std::string place =
      silence.place && !contacts_.literal(silence.contact) ? " (" + silence.place->text() + ")" : std::string();
  diagnostics_.give(
      now,
      {Notice::Kind::bootstrap_silent, peer.id,
       who + place + ": " + silence.why + "; it is tried again" + silence.advice, anyone ? silence.contact + 1 : 0},
      events);
}

void Bootstrap::on_entry_gone(const Now& now, const PeerId& peer) {
  if (!started_) return;
  contacts_.lost(now, peer, peers_.company(), rng_);
  if (peers_.company() == Company::alone) contacts_.alone(now, rng_);
}

void Bootstrap::on_bond(const Now& now, const PeerId& peer, BondState state) {
  if (state == BondState::up)
    contacts_.bonded(peer);
  else if (started_)  // it may come back knowing no peer, and we may be the only one that was told of it
    contacts_.lost(now, peer, peers_.company(), rng_);
}

Mono Bootstrap::next_deadline() const {
  return std::min(contacts_.resolve_deadline(), started_ ? contacts_.due() : never);
}

}  // namespace mosaik::discovery
