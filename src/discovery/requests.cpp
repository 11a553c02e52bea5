// Whom to dial and when, and what the end of an exchange means for who wanted it.

#include <algorithm>

#include "discovery/impl.hpp"

namespace mosaik::discovery {

void Discovery::Impl::sync_with(const Now& now, const PeerId& peer, const std::vector<SocketAddress>& addresses,
                                Links& links, Facts& events, DialSource source) {
  const auto refuse = [&](Errc code, std::string text) {
    events.emplace_back(SyncEnded{peer, fail(code, std::move(text))});
  };
  if (peer == self_.id()) return refuse(Errc::invalid_argument, "that is our own id");
  const auto known = requests_.find(peer);
  if (known == requests_.end() && requests_.size() >= requests) return refuse(Errc::limit, "too many syncs at a time");
  Request& request = known == requests_.end() ? requests_[peer] : known->second;
  if (known == requests_.end()) request.order = ++requests_made_;
  request.source = std::max(request.source, source);
  request.not_before = {};
  for (const SocketAddress& address : addresses) {
    if (request.addresses.size() == limits::dial_candidates) break;
    if (std::ranges::find(request.addresses, address) == request.addresses.end()) request.addresses.push_back(address);
  }
  pump(now, links, events);
}

void Discovery::Impl::pump(const Now& now, Links& links, Facts& events) {
  pump_requests(now, links, events);
  if (!started_) return;
  pump_bootstrap(now, links, events);
  pump_outreach(now, links, events);
}

std::size_t Discovery::Impl::running_syncs() const {
  // The bootstrap list has a limit of its own (limits::bootstrap_peers), and nobody else writes in it.
  return exchanges_.count([](const Exchange& exchange) {
    return exchange.alpn == Alpn::sync && exchange.dialed() && exchange.origin != Exchange::Origin::bootstrap;
  });
}

void Discovery::Impl::pump_requests(const Now& now, Links& links, Facts& events) {
  for (auto& [peer, request] : requests_)
    if (request.not_before <= now.mono) request.not_before = {};
  while (running_syncs() < limits::concurrent_syncs) {
    // One that runs for another reason will do; if it fails, the caller's own addresses get their turn.
    const auto waits = [&](const auto& item) {
      return item.second.not_before <= now.mono && exchanges_.dialed_to(item.first, Alpn::sync) == nullptr;
    };
    auto next = requests_.end();
    for (auto item = requests_.begin(); item != requests_.end(); ++item)
      if (waits(*item) && (next == requests_.end() || item->second.order < next->second.order)) next = item;
    if (next == requests_.end()) return;
    Exchange exchange;
    exchange.peer = next->first;
    exchange.origin = Exchange::Origin::request;
    // A peer that only others have named learns of others when it has shown an entry of our network.
    const bool known = next->second.source == DialSource::contact || catalog_.find(next->first, now);
    exchange.scope = known ? Scope::catalog : Scope::own_entry;
    const PeerId peer = next->first;
    const Mono at =
        dial(now, exchange, addresses_of(now, peer, next->second.addresses), next->second.source, links, events);
    const auto still = requests_.find(peer);
    if (still != requests_.end()) still->second.not_before = at > now.mono ? at : Mono{};
  }
}

void Discovery::Impl::pump_bootstrap(const Now& now, Links& links, Facts& events) {
  while (const auto index = bootstrap_.take(now)) {
    const BootstrapPeer& peer = bootstrap_.at(*index);
    if (const auto& literal = bootstrap_.literal(*index)) {
      go_to(now, *index, {*literal}, links, events);
      continue;
    }
    bootstrap_.resolving(now, *index);
    events.emplace_back(Resolve{*index, peer.host, peer.port, peer.service});
  }
  ask_places(now, links, events);
}

void Discovery::Impl::on_resolved(const Now& now, std::size_t index,
                                  const Result<std::vector<SocketAddress>>& addresses, Links& links, Facts& events) {
  if (!bootstrap_.resolved(index)) return;
  if (addresses && !addresses->empty()) {
    go_to(now, index, *addresses, links, events);
    return pump(now, links, events);
  }
  Exchange exchange;
  exchange.peer = bootstrap_.at(index).id;
  exchange.origin = Exchange::Origin::bootstrap;
  exchange.bootstrap = index;
  const Error why = addresses
                        ? Error{Errc::not_found, "its name has no address"}
                        : Error{addresses.error().code, "its name was not resolved: " + addresses.error().message};
  end_unresolved(now, exchange, why, events);
}

// Only while it says itself that it is there: addresses get other owners, and the one that is looked for may be the
// next.
bool Discovery::Impl::is_settled(const Now& now, const PeerId& peer, const SocketAddress& address) const {
  if (peer != self_.id() && !bonded_.contains(peer)) return false;
  const identity::EntryRef entry = peer == self_.id() ? self_.entry() : catalog_.find(peer, now);
  if (!entry) return false;
  const std::vector<SocketAddress> named = entry->entry.sockets();
  return std::ranges::find(named, address) != named.end();
}

void Discovery::Impl::go_to(const Now& now, std::size_t index, const std::vector<SocketAddress>& addresses,
                            Links& links, Facts& events) {
  const auto settled = [&](const PeerId& peer, const SocketAddress& address) { return is_settled(now, peer, address); };
  bootstrap_.leads_to(now, index, addresses, settled, company(), rng_);
  if (bootstrap_.at(index).id == PeerId{}) return;  // ask_places()
  Exchange exchange;
  exchange.peer = bootstrap_.at(index).id;
  exchange.origin = Exchange::Origin::bootstrap;
  exchange.scope = Scope::catalog;
  exchange.bootstrap = index;
  dial(now, exchange, addresses, DialSource::contact, links, events);
}

void Discovery::Impl::ask_places(const Now& now, Links& links, Facts& events) {
  const auto asked = [&] {
    return exchanges_.count([](const Exchange& exchange) { return exchange.place.has_value(); });
  };
  while (asked() < limits::contact_dials) {
    const auto place = bootstrap_.take_place();
    if (!place) return;
    Exchange exchange;
    exchange.origin = Exchange::Origin::bootstrap;
    exchange.scope = Scope::catalog;
    exchange.bootstrap = place->contact;
    exchange.place = place->address;
    dial(now, exchange, {place->address}, DialSource::contact, links, events);
  }
}

bool Discovery::Impl::meet_contact(const Now& now, Exchange& exchange, const LinkOpened& opened, Links& links,
                                   Facts& events) {
  if (!exchange.place) return true;
  exchange.peer = opened.peer;
  if (opened.peer != self_.id()) {
    events.emplace_back(ContactAnswered{exchange.bootstrap, opened.peer, *exchange.place});
    // A name leads wherever a name server says: who has shown no entry of our network learns who we are, and nothing of
    // others. The next round tells it the rest.
    if (!catalog_.find(opened.peer, now)) exchange.scope = Scope::own_entry;
    return true;
  }
  abandon(now, exchange, CloseCode::cancelled, {Errc::invalid_argument, "that is this node itself"}, links, events);
  return false;
}

// Those who do not answer, dead or invented, get half of the places at most, so that they cannot starve the living.
std::optional<Admit> Discovery::Impl::outreach_place() const {
  if (running_syncs() >= limits::concurrent_syncs - reserved_syncs) return std::nullopt;
  const std::size_t unproven = exchanges_.count([](const Exchange& exchange) {
    return exchange.origin == Exchange::Origin::outreach && exchange.stage == Exchange::Stage::opening;
  });
  return unproven < (limits::concurrent_syncs - reserved_syncs) / 2 ? Admit::all : Admit::proven;
}

void Discovery::Impl::pump_outreach(const Now& now, Links& links, Facts& events) {
  while (now.mono >= start_at_) {
    const auto admit = outreach_place();
    if (!admit) return;
    const auto task = sync_scheduler_.take(now, *admit);
    if (!task) return;
    Exchange exchange;
    exchange.peer = task->peer;
    exchange.origin = Exchange::Origin::outreach;
    exchange.scope = task->scope;
    const Mono at = dial(now, exchange, addresses_of(now, task->peer, {}), DialSource::entry, links, events);
    // Who waits for the budget of dials comes back by chance, so that no order of ids decides who is dialed.
    if (at > now.mono)
      sync_scheduler_.defer(task->peer, at + rng_.between(0ms, 2s), task->scope);
    else
      start_at_ = now.mono + start_pause;
  }
}

std::vector<SocketAddress> Discovery::Impl::addresses_of(const Now& now, const PeerId& peer,
                                                         const std::vector<SocketAddress>& given) const {
  std::vector<SocketAddress> out = given;
  if (const identity::EntryRef entry = catalog_.find(peer, now))
    for (const SocketAddress& address : entry->entry.sockets()) out.push_back(address);
  return out;
}

Mono Discovery::Impl::dial(const Now& now, Exchange exchange, std::vector<SocketAddress> addresses, DialSource source,
                           Links& links, Facts& events) {
  std::erase_if(addresses,
                [](const SocketAddress& address) { return address.is_unspecified() || address.port() == 0; });
  DialRequest request{
      .peer = exchange.peer, .addresses = std::move(addresses), .alpn = exchange.alpn, .source = source};
  request.tries = dials_++;  // where nothing speaks for the addresses, one at a time is tried
  const DialPermit permit = links.permit(now, request);
  if (permit.at > now.mono && permit.at != never) return permit.at;
  exchange.deadline = now.mono + config_.sync_timeout;
  if (exchange.alpn == Alpn::sync) ++counters_.syncs_started;
  const auto fail_with = [&](const Result<>& why) {
    end(now, exchange, why, Told::no, events);
    return now.mono;
  };
  if (permit.ours && exchange.place) {
    exchange.peer = self_.id();
    return fail_with(fail(Errc::invalid_argument, "that is this node itself"));
  }
  if (permit.at == never || request.addresses.empty())
    return fail_with(fail(Errc::unreachable, permit.why.empty()
                                                 ? "no address of it is known"
                                                 : "it has no address that may be dialed: " + std::string(permit.why)));
  const auto link = links.dial(now, request);
  if (!link) return fail_with(std::unexpected(link.error()));
  exchange.link = *link;
  exchanges_.add(std::move(exchange));
  return now.mono;
}

void Discovery::Impl::end(const Now& now, const Exchange& exchange, const Result<>& result, Told told, Facts& events) {
  if (exchange.alpn == Alpn::ping) {
    events.emplace_back(PingEnded{exchange.peer, std::unexpected(result.error()), {}});
    return;
  }
  ++(result ? counters_.syncs_completed : counters_.syncs_failed);
  if (told == Told::yes)
    note_told(now, exchange);
  else if (exchange.origin == Exchange::Origin::outreach)
    sync_scheduler_.failed(now, exchange.peer, exchange.scope, rng_);
  if (bonded_.contains(exchange.peer)) sync_scheduler_.cancel(exchange.peer);
  if (result && exchange.place) {
    bootstrap_.place_answered(now, exchange.bootstrap, *exchange.place, exchange.peer, rng_);
    events.emplace_back(Notice{Notice::Kind::bootstrap_answered,
                               {},
                               "contact " + text_of(bootstrap_.at(exchange.bootstrap)) + " answered",
                               exchange.bootstrap + 1});
  }
  if (result)
    note_reached(now, exchange.peer, events);
  else if (exchange.origin == Exchange::Origin::bootstrap)
    end_bootstrap(now, exchange, result.error(), events);
  const auto request = requests_.find(exchange.peer);
  if (request == requests_.end() || (!result && exchange.origin != Exchange::Origin::request)) return;
  requests_.erase(request);
  events.emplace_back(SyncEnded{exchange.peer, result});
}

void Discovery::Impl::note_told(const Now& now, const Exchange& exchange) {
  sync_scheduler_.told(exchange.peer, exchange.version);
  // What the allowance for signatures cut off is asked for again when it has grown.
  if (exchange.cut_short && !bonded_.contains(exchange.peer))
    sync_scheduler_.owe(exchange.peer, now.mono + catch_up_after, Scope::own_entry);
}

void Discovery::Impl::note_reached(const Now& now, const PeerId& peer, Facts& events) {
  met_ = true;
  if (!(bonded_.contains(peer) ? bootstrap_.bonded(peer) : bootstrap_.answered(now, peer, rng_))) return;
  // Whatever was said of it lately: it takes back that the peer is silent, and comes no more often than that.
  events.emplace_back(Notice{Notice::Kind::bootstrap_answered, peer, "bootstrap peer " + peer.brief() + " answered"});
}

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

void Discovery::Impl::end_bootstrap(const Now& now, const Exchange& exchange, const Error& error, Facts& events) {
  if (exchange.place) {
    bootstrap_.place_failed(now, exchange.bootstrap, *exchange.place, exchange.peer, error.message, company(), rng_);
    if (exchange.peer == self_.id()) {
      // The name of a service leads to us as well.
      if (bootstrap_.literal(exchange.bootstrap))
        say_silent(now, exchange, "it leads to this node itself", "; give the address of another node", events);
      return;
    }
  } else {
    bootstrap_.failed(now, exchange.bootstrap, error.message, company(), rng_);
  }
  say_silent(now, exchange, error.message, advice(error.code), events);
}

void Discovery::Impl::end_unresolved(const Now& now, const Exchange& exchange, const Error& error, Facts& events) {
  bootstrap_.failed(now, exchange.bootstrap, error.message, company(), rng_);
  say_silent(now, exchange, error.message, advice_on_name(error.code), events);
}

void Discovery::Impl::say_silent(const Now& now, const Exchange& exchange, const std::string& why,
                                 const std::string& advice, Facts& events) {
  const BootstrapPeer& peer = bootstrap_.at(exchange.bootstrap);
  const bool anyone = peer.id == PeerId{};
  const std::string who =
      anyone ? "contact " + text_of(peer) : "bootstrap peer " + peer.id.brief() + " at " + text_of(peer);
  const std::string place = exchange.place && bootstrap_.literal(exchange.bootstrap) == std::nullopt
                                ? " (" + exchange.place->text() + ")"
                                : std::string();
  notices_.say(now, Notice::Kind::bootstrap_silent, peer.id, who + place + ": " + why + "; it is tried again" + advice,
               events, anyone ? exchange.bootstrap + 1 : 0);
}

}  // namespace mosaik::discovery
