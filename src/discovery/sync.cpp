// The catalog sync (spec: discovery 3), dialed and accepted.

#include "discovery/impl.hpp"
#include "wire/messages.hpp"

namespace mosaik::discovery {

namespace {

Frame encode(std::span<const identity::EntryRef> entries, FramePool& pool) {
  std::vector<BytesView> views;
  views.reserve(entries.size());
  for (const identity::EntryRef& entry : entries) views.emplace_back(entry->bytes);
  wire::Out out;
  wire::encode_snapshot(views, out);
  return pool.make(out);
}

/// What the catalog said of the peer's own entry, as the result of a sync with it.
Result<> result_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::added:
    case Verdict::updated:
    case Verdict::not_news: return {};
    case Verdict::wrong_network: return fail(Errc::wrong_network, "it is of another network");
    case Verdict::from_the_future:
      return fail(Errc::from_the_future, "its entry is dated in the future; compare its clock with ours");
    case Verdict::stale: return fail(Errc::stale, "its entry is stale; compare its clock with ours");
    case Verdict::departed: return fail(Errc::stale, "its entry is of a run that has signed off");
    case Verdict::full: return fail(Errc::limit, "the catalog is full");
    case Verdict::own_id: break;
  }
  return fail(Errc::refused, "it has our own id");
}

}  // namespace

Frame Discovery::Impl::own_frame() {
  return encode(std::span(&self_.entry(), 1), pool_);
}

// Kept as long as it is true: a storm of joiners is answered from one frame.
Frame Discovery::Impl::catalog_frame(const Now& now) {
  const bool usable = catalog_frame_ && catalog_generation_ == catalog_.generation() &&
                      catalog_own_ == self_.entry()->digest && now.mono < catalog_frame_until_;
  if (usable) return catalog_frame_;
  constexpr std::size_t room_for_count = 10;
  catalog_frame_ = encode(
      catalog_.selection(self_.entry(), limits::snapshot_entries, limits::sync_frame - room_for_count, now), pool_);
  catalog_generation_ = catalog_.generation();
  catalog_own_ = self_.entry()->digest;
  catalog_frame_until_ = now.mono + std::min(catalog_.next_stale(now), Nanoseconds(1s));
  return catalog_frame_;
}

void Discovery::Impl::open_sync(const Now& now, Exchange& exchange, Links& links, Facts& events) {
  links.set_frame_limit(exchange.link, limits::sync_frame);
  exchange.version = self_.entry()->entry.version.updated;
  const Frame frame = exchange.scope == Scope::catalog ? catalog_frame(now) : own_frame();
  if (links.send(exchange.link, SendClass::catalog, frame) == SendResult::queued) return;
  abandon(now, exchange, CloseCode::cancelled, {Errc::limit, "our snapshot could not be queued"}, links, events);
}

// Our reply is made before theirs is merged: nobody gets back what it brought (spec: discovery 3, step 2).
void Discovery::Impl::serve_sync(const Now& now, Exchange& exchange, BytesView payload, Links& links, Facts& events) {
  const auto snapshot = entry_validation_.read(now, exchange.peer, payload, events);
  if (!snapshot) return abandon(now, exchange, CloseCode::protocol_violation, snapshot.error(), links, events);
  // Who does not show an entry of our network learns who we are, and nothing of others (spec: discovery 8 W7).
  const Frame reply = snapshot->theirs ? catalog_frame(now) : own_frame();
  exchange.version = self_.entry()->entry.version.updated;
  if (links.send(exchange.link, SendClass::catalog, reply) != SendResult::queued)
    return abandon(now, exchange, CloseCode::cancelled, {Errc::limit, "our snapshot could not be queued"}, links,
                   events);
  exchange.stage = Exchange::Stage::awaiting_close;
  exchange.met = merge(now, exchange, *snapshot, events).has_value();
}

// Closed before the merge: a Rust acceptor does nothing else until it hears our close (spec: discovery 3).
void Discovery::Impl::finish_sync(const Now& now, Exchange& exchange, BytesView payload, Links& links, Facts& events) {
  const auto snapshot = entry_validation_.read(now, exchange.peer, payload, events);
  if (!snapshot) return abandon(now, exchange, CloseCode::protocol_violation, snapshot.error(), links, events);
  exchange.stage = Exchange::Stage::finished;
  links.close(now, exchange.link, CloseCode::success, CloseMode::at_once);
  const Result<> result = merge(now, exchange, *snapshot, events);
  end(now, exchange, result, Told::yes, events);
}

Result<> Discovery::Impl::merge(const Now& now, Exchange& exchange, const Snapshot& snapshot, Facts& events) {
  const PeerId& from = exchange.peer;
  Result<> out;
  if (snapshot.theirs)
    out = result_of(accept(now, *snapshot.theirs, from, events));
  else
    out = std::unexpected(snapshot.theirs.error());
  for (const wire::SignedEntryView& view : snapshot.news) {
    const auto entry = entry_validation_.verify(now, view);
    if (entry) accept(now, *entry, from, events);
    if (entry || entry.error().code != Errc::limit) continue;
    exchange.cut_short = out.has_value();
    break;
  }
  return out;
}

}  // namespace mosaik::discovery
