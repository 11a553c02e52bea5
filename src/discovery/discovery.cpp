#include "discovery/discovery.hpp"

#include <algorithm>

#include "discovery/impl.hpp"

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

Nanoseconds age_of(const identity::EntryRef& entry, const Now& now) {
  return std::chrono::milliseconds(std::max<std::int64_t>(now.wall.milliseconds - entry->entry.version.updated, 0));
}

}  // namespace

Discovery::Impl::Impl(const Config& config, identity::Self& self, identity::Verifier& verifier, FramePool& pool,
                      Rng rng)
    : config_(config),
      self_(self),
      pool_(pool),
      rng_(rng),
      catalog_(rules_of(config, self.id())),
      entry_validation_(config.network, self, verifier, catalog_, notices_, counters_),
      bootstrap_(config.bootstrap, self.id()) {}

void Discovery::Impl::start(const Now& now, Links& links, Facts& events) {
  started_ = true;
  refreshed_ = now.boot;
  // The entry may have been signed a while ago: its age counts.
  refresh_at_ = now.mono + std::max(refresh_pause() - age_of(self_.entry(), now), Nanoseconds::zero());
  bootstrap_.start(now);
  pump(now, links, events);
}

Nanoseconds Discovery::Impl::refresh_pause() {
  return rng_.between(config_.refresh_least, config_.refresh_most);
}

// The timer alone does not do: `mono` stands still while the machine sleeps, and the wall clock may be set.
void Discovery::Impl::refresh_when_due(const Now& now, Facts& events) {
  if (!started_) return;
  const bool due = now.mono >= refresh_at_ || now.boot - refreshed_ > config_.refresh_most ||
                   age_of(self_.entry(), now) > config_.refresh_most;
  if (!due) return;
  self_.refresh(now.wall);
  spread(now, events);
}

void Discovery::Impl::spread(const Now& now, Facts& events) {
  events.emplace_back(SelfRefreshed{});
  refreshed_ = now.boot;
  refresh_at_ = now.mono + refresh_pause();
  // Half of what is left between the longest refresh and half the staleness (150 s by default); the rest is for the
  // sync.
  const Nanoseconds most = std::max((config_.stale_after / 2 - config_.refresh_most) / 2, config_.refresh_least / 20);
  const Nanoseconds window = std::min(most, spread_per_peer * static_cast<std::int64_t>(sync_scheduler_.size()));
  compare_with_ = next_bonded(compare_with_);
  sync_scheduler_.owe_all(now, self_.entry()->entry.version.updated, window, rng_,
                          [&](const PeerId& peer) -> std::optional<Nanoseconds> {
                            if (peer == compare_with_) return Nanoseconds::zero();
                            if (bonded_.contains(peer)) return std::nullopt;
                            const identity::EntryRef entry = catalog_.find(peer, now);
                            return entry && bond_will_tell(entry) ? bond_first : Nanoseconds::zero();
                          });
}

PeerId Discovery::Impl::next_bonded(const PeerId& last) const {
  if (bonded_.empty()) return {};
  const auto next = bonded_.upper_bound(last);
  return (next == bonded_.end() ? bonded_.begin() : next)->first;
}

void Discovery::Impl::on_self_changed(const Now& now, Links& links, Facts& events) {
  spread(now, events);
  pump(now, links, events);
}

// What is said on links that we have done with costs nothing.
bool Discovery::Impl::is_awaited(const LinkEvent& event) {
  const auto on = [&](LinkId link) {
    const Exchange* const exchange = exchanges_.find(link);
    return exchange != nullptr && exchange->stage != Exchange::Stage::finished;
  };
  if (const auto* const frame = std::get_if<LinkFrame>(&event)) return on(frame->link);
  if (const auto* const active = std::get_if<LinkActive>(&event)) return on(active->link);
  return true;
}

void Discovery::Impl::on_link(const Now& now, const LinkEvent& event, Links& links, Facts& events) {
  if (!is_awaited(event)) return;
  refresh_when_due(now, events);
  std::visit([&](const auto& each) { on_event(now, each, links, events); }, event);
  pump(now, links, events);
}

void Discovery::Impl::on_event(const Now& now, const LinkOpened& event, Links& links, Facts& events) {
  if (event.side == Side::acceptor) return on_incoming(now, event, links, events);
  if (event.dialed_as) exchanges_.rename(*event.dialed_as, event.link);
  Exchange* exchange = exchanges_.find(event.link);
  if (exchange == nullptr || exchange->stage != Exchange::Stage::opening) return;
  exchange->stage = Exchange::Stage::reading;
  exchange->remote = event.remote;
  if (!meet_contact(now, *exchange, event, links, events)) return;
  if (exchange->alpn == Alpn::sync) return open_sync(now, *exchange, links, events);
  open_ping(now, *exchange, links, events);
}

// A Rust node that has only us to start from dials nothing but its gossip (spec: discovery 4.1). We speak none, but now
// we know its key and its address: a sync tells each of us of the other, and the group does the rest.
void Discovery::Impl::on_announce(const Now& now, const LinkOpened& event, Links& links, Facts& events) {
  links.close(now, event.link, CloseCode::disconnect, CloseMode::at_once);
  if (event.peer == self_.id()) return;
  // A sync that still knocks, or waits for an answer from elsewhere, is with its predecessor.
  Exchange* const earlier = exchanges_.dialed_to(event.peer, Alpn::sync);
  if (earlier != nullptr && (earlier->stage == Exchange::Stage::opening || earlier->remote != event.remote)) {
    // What was asked for is not over: the sync that follows answers it.
    if (earlier->origin == Exchange::Origin::request) earlier->origin = Exchange::Origin::outreach;
    abandon(now, *earlier, CloseCode::cancelled, {Errc::unreachable, "it lives at another address now"}, links, events);
  }
  sync_with(now, event.peer, {event.remote}, links, events, DialSource::entry);
}

void Discovery::Impl::on_incoming(const Now& now, const LinkOpened& event, Links& links, Facts& events) {
  if (event.alpn == Alpn::announce) return on_announce(now, event, links, events);
  Exchange exchange;
  exchange.link = event.link;
  exchange.peer = event.peer;
  exchange.alpn = event.alpn;
  exchange.stage = Exchange::Stage::reading;
  exchange.remote = event.remote;
  exchange.opened = now.mono;
  exchange.deadline = now.mono + limits::first_frame;
  const std::size_t theirs =
      exchanges_.count([&](const Exchange& other) { return !other.dialed() && other.peer == event.peer; });
  const bool ours = event.peer == self_.id();
  if (ours) {
    notices_.say(now, Notice::Kind::same_identity, event.peer,
                 "another node at " + event.remote.text() + " runs with our secret key (" + event.peer.brief() +
                     "); stop one of the two, or give it a key of its own",
                 events);
  }
  // The newest of a peer's exchanges counts: the oldest may be with a process that is no more.
  if (theirs >= incoming_per_peer)
    abandon(now, *exchanges_.oldest_from(event.peer), CloseCode::cancelled,
            {Errc::limit, "the peer opened another exchange"}, links, events);
  if (ours) {
    exchange.stage = Exchange::Stage::finished;
    exchanges_.add(exchange);
    links.close(now, event.link, CloseCode::cancelled, CloseMode::at_once);
    return;
  }
  const AdmissionClass standing = bonded_.contains(event.peer) ? AdmissionClass::member : AdmissionClass::stranger;
  if (Exchange* const leaving = exchanges_.admit(exchange, standing))
    abandon(now, *leaving, CloseCode::timeout, {Errc::limit, "another exchange needed its place"}, links, events);
  exchanges_.add(exchange);
  links.set_frame_limit(event.link, event.alpn == Alpn::sync ? limits::sync_frame : limits::ping_frame);
}

void Discovery::Impl::on_event(const Now& now, const LinkFrame& event, Links& links, Facts& events) {
  Exchange* exchange = exchanges_.find(event.link);
  if (exchange == nullptr || !exchange->live()) return;
  exchanges_.on_frame(event.link);
  if (!exchange->dialed()) exchange->deadline = exchange->opened + limits::accept_timeout;
  if (exchange->stage != Exchange::Stage::reading)
    return abandon(now, *exchange, CloseCode::protocol_violation, {Errc::malformed, "it sent more than one frame"},
                   links, events);
  if (exchange->alpn == Alpn::sync) {
    if (exchange->dialed()) return finish_sync(now, *exchange, event.payload, links, events);
    return serve_sync(now, *exchange, event.payload, links, events);
  }
  if (exchange->dialed()) return finish_ping(now, *exchange, event.payload, links, events);
  serve_ping(now, *exchange, links, events);
}

void Discovery::Impl::on_event(const Now& now, const LinkEnded& event, Links& links, Facts& events) {
  Exchange* exchange = exchanges_.find(event.link);
  if (exchange == nullptr || exchange->stage != Exchange::Stage::reading) return;
  abandon(now, *exchange, CloseCode::unexpected_close, {Errc::closed, "it ended the stream without a whole frame"},
          links, events);
}

void Discovery::Impl::on_event(const Now& now, const LinkOversized& event, Links& links, Facts& events) {
  Exchange* exchange = exchanges_.find(event.link);
  if (exchange == nullptr || !exchange->live()) return;
  abandon(now, *exchange, CloseCode::protocol_violation, {Errc::limit, "it announced a frame beyond the limit"}, links,
          events);
}

void Discovery::Impl::on_event(const Now&, const LinkUnreachable& event, Links&, Facts&) {
  if (Exchange* exchange = exchanges_.find(event.link)) exchange->unreachable = true;
}

void Discovery::Impl::on_event(const Now& now, const LinkClosed& event, Links&, Facts& events) {
  Exchange* found = exchanges_.find(event.link);
  if (found == nullptr) return;
  const Exchange exchange = *found;
  exchanges_.erase(event.link);
  if (!exchange.live()) return;
  if (exchange.dialed())
    return end(now, exchange, std::unexpected(failure_of(exchange, event.close)), Told::no, events);
  on_dialer_closed(now, exchange, event.close);
}

// Only the dialer's 200 says that our reply arrived and, for a sync, was understood.
void Discovery::Impl::on_dialer_closed(const Now& now, const Exchange& exchange, const CloseInfo& close) {
  if (exchange.stage != Exchange::Stage::awaiting_close || close.by != ClosedBy::peer || !close.is(CloseCode::success))
    return;
  if (exchange.alpn == Alpn::ping) {
    ++counters_.pings_served;
    return;
  }
  ++counters_.syncs_served;
  note_told(now, exchange);
  // A bootstrap peer that dialed us may have told us of itself alone: it is still asked for what it knows.
  met_ = met_ || exchange.met;
}

void Discovery::Impl::abandon(const Now& now, Exchange& exchange, CloseCode code, Error error, Links& links,
                              Facts& events) {
  exchange.stage = Exchange::Stage::finished;
  links.close(now, exchange.link, code, CloseMode::at_once);
  if (exchange.dialed()) end(now, exchange, std::unexpected(std::move(error)), Told::no, events);
}

void Discovery::Impl::on_timer(const Now& now, Links& links, Facts& events) {
  refresh_when_due(now, events);
  expire(now, links, events);
  if (now.mono >= purge_at_) purge(now, events);
  pump(now, links, events);
}

// A first frame that is on its way over a slow path has the time of the whole exchange.
bool Discovery::Impl::still_comes(const Now& now, Exchange& exchange, const Links& links) const {
  const Mono end = exchange.opened + limits::accept_timeout;
  if (exchange.dialed() || exchange.stage != Exchange::Stage::reading || now.mono >= end) return false;
  const auto stats = links.stats(exchange.link);
  if (!stats || stats->bytes_received == exchange.received) return false;
  exchange.received = stats->bytes_received;
  exchange.deadline = std::min(now.mono + limits::first_frame, end);
  return true;
}

void Discovery::Impl::expire(const Now& now, Links& links, Facts& events) {
  for (const LinkId link : exchanges_.overdue(now)) {
    Exchange* exchange = exchanges_.find(link);
    if (still_comes(now, *exchange, links)) continue;
    abandon(now, *exchange, CloseCode::cancelled, timeout_of(*exchange, config_.sync_timeout), links, events);
  }
  while (const auto index = bootstrap_.overdue(now)) {
    Exchange exchange;
    exchange.peer = bootstrap_.at(*index).id;
    exchange.origin = Exchange::Origin::bootstrap;
    exchange.bootstrap = *index;
    end_unresolved(now, exchange, {Errc::timed_out, "its name was not resolved in time"}, events);
  }
}

Mono Discovery::Impl::next_deadline() const {
  Mono out = std::min({exchanges_.deadline(), purge_at_, refresh_at_, bootstrap_.resolve_deadline()});
  for (const auto& [peer, request] : requests_)
    if (request.not_before > Mono{}) out = std::min(out, request.not_before);
  if (!started_) return out;
  out = std::min(out, bootstrap_.due());
  if (const auto admit = outreach_place()) out = std::min(out, std::max(sync_scheduler_.deadline(*admit), start_at_));
  return out;
}

Discovery::Discovery(const Config& config, identity::Self& self, identity::Verifier& verifier, FramePool& pool, Rng rng)
    : impl_(std::make_unique<Impl>(config, self, verifier, pool, rng)) {}
Discovery::~Discovery() = default;

void Discovery::start(const Now& now, Links& links, Facts& events) {
  impl_->start(now, links, events);
}
void Discovery::on_link(const Now& now, const LinkEvent& event, Links& links, Facts& events) {
  impl_->on_link(now, event, links, events);
}
void Discovery::on_timer(const Now& now, Links& links, Facts& events) {
  impl_->on_timer(now, links, events);
}
void Discovery::on_resolved(const Now& now, std::size_t bootstrap, const Result<std::vector<SocketAddress>>& addresses,
                            Links& links, Facts& events) {
  impl_->on_resolved(now, bootstrap, addresses, links, events);
}
bool Discovery::feed(const Now& now, const identity::EntryRef& entry, Source, Facts& events) {
  return impl_->feed(now, entry, events);
}
void Discovery::on_departure(const Now& now, const PeerId& peer, Facts& events) {
  impl_->on_departure(now, peer, events);
}
void Discovery::on_self_changed(const Now& now, Links& links, Facts& events) {
  impl_->on_self_changed(now, links, events);
}
void Discovery::sync_with(const Now& now, const PeerId& peer, const std::vector<SocketAddress>& addresses, Links& links,
                          Facts& events, DialSource source) {
  impl_->sync_with(now, peer, addresses, links, events, source);
}
void Discovery::ping(const Now& now, const PeerId& peer, const std::vector<SocketAddress>& addresses, Links& links,
                     Facts& events) {
  impl_->ping(now, peer, addresses, links, events);
}
void Discovery::set_bonded(const Now& now, const PeerId& peer, bool bonded) {
  impl_->set_bonded(now, peer, bonded);
}
Mono Discovery::next_deadline() const {
  return impl_->next_deadline();
}
bool Discovery::owns(LinkId link) const {
  return impl_->owns(link);
}
identity::EntryRef Discovery::find(const PeerId& peer, const Now& now) const {
  return impl_->catalog().find(peer, now);
}
std::vector<identity::EntryRef> Discovery::entries(const Now& now) const {
  return impl_->catalog().entries(now);
}
std::vector<ContactStatus> Discovery::contacts() const {
  return impl_->contacts();
}
const Counters& Discovery::counters() const noexcept {
  return impl_->counters();
}
bool Discovery::has_met_anyone() const noexcept {
  return impl_->has_met_anyone();
}

}  // namespace mosaik::discovery
