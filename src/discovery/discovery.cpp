#include "discovery/discovery.hpp"

#include <algorithm>
#include <ranges>

namespace mosaik::discovery {

namespace {

CatalogRules rules_of(const Config& config, const PeerId& self) {
  return {.network = config.network,
          .self = self,
          .stale_after = config.stale_after,
          .clock_drift = config.clock_drift,
          .entries = config.catalog_entries,
          .bytes = config.catalog_bytes,
          .tombstones = limits::tombstones};
}

}  // namespace

Discovery::Discovery(const Config& config, identity::Self& self, identity::Verifier& verifier, FramePool& pool, Rng rng)
    : rng_(rng),
      peers_(rules_of(config, self.id()), self, diagnostics_),
      validation_(config.network, self, verifier, peers_.catalog(), diagnostics_),
      exchanges_(config.sync_timeout, peers_, validation_, diagnostics_, pool, *this),
      requests_(peers_, exchanges_),
      bootstrap_(config.bootstrap, peers_, exchanges_, diagnostics_, rng_),
      anti_entropy_(config, self, peers_, exchanges_, rng_) {
  peers_.observe(anti_entropy_);
  peers_.observe(bootstrap_);
}

void Discovery::start(const Now& now, Links& links, Events& events) {
  anti_entropy_.start(now);
  bootstrap_.start(now);
  pump({now, links, events});
}

void Discovery::on_link(const Now& now, const LinkEvent& event, Links& links, Events& events) {
  if (!exchanges_.awaits(event)) return;
  const Context context{now, links, events};
  anti_entropy_.refresh_when_due(now, events);
  const auto* const opened = std::get_if<LinkOpened>(&event);
  if (opened != nullptr && opened->side == Side::acceptor && opened->alpn == Alpn::announce)
    on_announce(context, *opened);
  else
    exchanges_.on_link(context, event);
  pump(context);
}

// A Rust node that has only us to start from dials nothing but its gossip (spec: discovery 4.1). We speak none, but now
// we know its key and its address: a sync tells each of us of the other, and the group does the rest.
void Discovery::on_announce(const Context& context, const LinkOpened& event) {
  context.links.close(context.now, event.link, CloseCode::disconnect, CloseMode::at_once);
  if (event.peer == peers_.own_id()) return;
  exchanges_.supersede(context, event.peer, event.remote);
  requests_.ask(event.peer, {event.remote}, DialSource::entry, context.events);
}

void Discovery::on_timer(const Now& now, Links& links, Events& events) {
  const Context context{now, links, events};
  anti_entropy_.refresh_when_due(now, events);
  exchanges_.on_timer(context);
  bootstrap_.on_timer(now, events);
  peers_.purge_when_due(now, events);
  pump(context);
}

void Discovery::on_resolved(const Now& now, std::size_t bootstrap, const Result<std::vector<SocketAddress>>& addresses,
                            Links& links, Events& events) {
  const Context context{now, links, events};
  if (bootstrap_.on_resolved(context, bootstrap, addresses) == Bootstrap::Resolved::leads_somewhere) pump(context);
}

bool Discovery::feed(const Now& now, const identity::EntryRef& entry, Events& events) {
  const Verdict verdict = peers_.accept(now, entry, PeerId{}, events);
  return verdict == Verdict::added || verdict == Verdict::updated;
}

void Discovery::on_self_changed(const Now& now, Links& links, Events& events) {
  anti_entropy_.spread(now, events);
  pump({now, links, events});
}

void Discovery::sync_with(const Now& now, const PeerId& peer, const std::vector<SocketAddress>& addresses, Links& links,
                          Events& events, DialSource source) {
  requests_.ask(peer, addresses, source, events);
  pump({now, links, events});
}

void Discovery::ping(const Now& now, const PeerId& peer, const std::vector<SocketAddress>& addresses, Links& links,
                     Events& events) {
  exchanges_.ping({now, links, events}, peer, addresses);
}

void Discovery::pump(const Context& context) {
  for (Source* const source : sources_) source->pump(context);
}

void Discovery::on_sync_ended(const Now& now, const Exchange& exchange, const Result<>& result, Told told,
                              Events& events) {
  for (Source* const source : sources_ | std::views::reverse)
    source->on_sync_ended(now, exchange, result, told, events);
}

void Discovery::on_sync_served(const Now& now, const Exchange& exchange) {
  for (Source* const source : sources_) source->on_sync_served(now, exchange);
}

Mono Discovery::next_deadline() const {
  Mono out = std::min(exchanges_.next_deadline(), peers_.next_deadline());
  for (const Source* const source : sources_) out = std::min(out, source->next_deadline());
  return out;
}

void Discovery::check_invariants() const {
  peers_.check_invariants();
  exchanges_.table().check_invariants();
  for (const Source* const source : sources_) source->check_invariants();
}

}  // namespace mosaik::discovery
