#include "discovery/sync/anti_entropy.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace mosaik::discovery {

namespace {
Nanoseconds age_of(const identity::EntryRef& entry, const Now& now) {
  return std::chrono::milliseconds(std::max<std::int64_t>(now.wall.milliseconds - entry->entry.version.updated, 0));
}
}  // namespace

// The window: half of what is left between the longest refresh and half the staleness (150 s by default); the rest is
// for the sync.
AntiEntropy::AntiEntropy(const Config& config, identity::Self& self, PeerDirectory& peers, Exchanges& exchanges,
                         Rng& rng)
    : self_(self),
      peers_(peers),
      exchanges_(exchanges),
      rng_(rng),
      refresh_{.least = config.refresh_least,
               .most = config.refresh_most,
               .window = std::max((config.stale_after / 2 - config.refresh_most) / 2, config.refresh_least / 20)} {}

void AntiEntropy::start(const Now& now) {
  MOSAIK_ASSERT(!started_);
  started_ = true;
  refresh_.last = now.boot;
  // The entry may have been signed a while ago: its age counts.
  refresh_.at = now.mono + std::max(rng_.between(refresh_.least, refresh_.most) - age_of(self_.entry(), now), 0ns);
}

// The timer alone does not do: `mono` stands still while the machine sleeps, and the wall clock may be set.
void AntiEntropy::refresh_when_due(const Now& now, Events& events) {
  if (!started_) return;
  const bool due =
      now.mono >= refresh_.at || now.boot - refresh_.last > refresh_.most || age_of(self_.entry(), now) > refresh_.most;
  if (!due) return;
  self_.refresh(now.wall);
  spread(now, events);
}

void AntiEntropy::spread(const Now& now, Events& events) {
  events.emplace_back(SelfRefreshed{});
  refresh_.last = now.boot;
  refresh_.at = now.mono + rng_.between(refresh_.least, refresh_.most);
  const Nanoseconds window = std::min(refresh_.window, spread_per_peer * static_cast<std::int64_t>(scheduler_.size()));
  compare_with_ = peers_.bonded_after(compare_with_);
  scheduler_.owe_all(now, self_.entry()->entry.version.updated, window, rng_,
                     [&](const PeerId& peer) { return pause_of(now, peer); });
}

/// How long a bond has to tell the peer, before a sync does; nothing: the bond tells it for sure.
std::optional<Nanoseconds> AntiEntropy::pause_of(const Now& now, const PeerId& peer) const {
  if (peer == compare_with_) return 0ns;
  if (peers_.is_bonded(peer)) return std::nullopt;
  const identity::EntryRef entry = peers_.find(peer, now);
  return entry && peers_.bond_will_tell(entry) ? bond_first : 0ns;
}

void AntiEntropy::on_entry(const Now& now, const identity::EntryRef& entry, const PeerId& from, Change change) {
  const PeerId& id = entry->id();
  // A new run of the peer has forgotten us.
  if (change == Change::new_run) scheduler_.forget(id);
  if (change != Change::updated) {
    scheduler_.know(id);
    greet(now, entry, from);
  }
  if (change != Change::added && peers_.bond_will_tell(entry)) scheduler_.postpone(id, now.mono + bond_first);
}

// A Rust peer has to hear of us by a sync (spec: discovery 4.13 a). A C++ peer with a common group gets our entry in
// the bond's handshake; one without gets it by a sync too, but after a while, for we may be about to join a group. A
// first sync carries all that we know: when two halves of a network meet, the peer that is greeted learns of the other
// half.
void AntiEntropy::greet(const Now& now, const identity::EntryRef& entry, const PeerId& from) {
  const PeerId& id = entry->id();
  if (peers_.is_bonded(id) || peers_.bond_will_tell(entry)) return;
  Nanoseconds pause = entry->labelled_cpp() ? rng_.between(500ms, 2s) : rng_.between(0ms, 100ms);
  // It is in a sync with us right now; when that ends well it has our entry.
  if (id == from) pause = limits::accept_timeout;
  scheduler_.owe(id, now.mono + pause, Scope::catalog);
}

void AntiEntropy::on_entry_gone(const Now&, const PeerId& peer) {
  scheduler_.forget(peer);
}

void AntiEntropy::on_bond(const Now&, const PeerId& peer, BondState state) {
  if (state == BondState::up) scheduler_.cancel(peer);
}

// Peers that do not answer, dead or invented, get half of the places at most, so that they cannot starve the living.
std::optional<Admit> AntiEntropy::admits() const {
  constexpr std::size_t places = limits::concurrent_syncs - reserved_syncs;
  const ExchangeTable::Tally& running = exchanges_.table().tally();
  if (running.syncs >= places) return std::nullopt;
  return running.knocking < places / 2 ? Admit::all : Admit::proven;
}

void AntiEntropy::pump(const Context& context) {
  const Now& now = context.now;
  while (started_ && now.mono >= start_at_) {
    const auto admit = admits();
    if (!admit) return;
    const auto task = scheduler_.take(now, *admit);
    if (!task) return;
    Exchange exchange;
    exchange.peer = task->peer;
    exchange.origin = Exchange::Origin::anti_entropy;
    exchange.scope = task->scope;
    const Mono at = exchanges_.dial(context, exchange, peers_.addresses_of(now, task->peer, {}), DialSource::entry);
    // A peer that waits for the budget of dials comes back by chance, so that no order of ids decides who is dialed.
    if (at > now.mono)
      scheduler_.defer(task->peer, at + rng_.between(0ms, 2s), task->scope);
    else
      start_at_ = now.mono + start_pause;
  }
}

void AntiEntropy::on_sync_ended(const Now& now, const Exchange& exchange, const Result<>&, Told told, Events&) {
  if (told == Told::yes)
    on_sync_served(now, exchange);
  else if (exchange.origin == Exchange::Origin::anti_entropy)
    scheduler_.failed(now, exchange.peer, exchange.scope, rng_);
  if (peers_.is_bonded(exchange.peer)) scheduler_.cancel(exchange.peer);
}

void AntiEntropy::on_sync_served(const Now& now, const Exchange& exchange) {
  scheduler_.told(exchange.peer, exchange.version);
  // What the budget for signatures cut off is asked for again when it has grown.
  if (exchange.cut_short && !peers_.is_bonded(exchange.peer))
    scheduler_.owe(exchange.peer, now.mono + catch_up_after, Scope::own_entry);
}

Mono AntiEntropy::next_deadline() const {
  if (!started_) return never;
  const auto admit = admits();
  return admit ? std::min(refresh_.at, std::max(scheduler_.deadline(*admit), start_at_)) : refresh_.at;
}

void AntiEntropy::check_invariants() const {
  scheduler_.check_invariants();
  // Our entry goes stale everywhere unless the next refresh has a time.
  MOSAIK_ASSERT(!started_ || refresh_.at != never);
  // A peer that left the catalog is not dialed: nothing speaks for its addresses any more.
  MOSAIK_ASSERT(scheduler_.size() == peers_.catalog().size());
}

}  // namespace mosaik::discovery
