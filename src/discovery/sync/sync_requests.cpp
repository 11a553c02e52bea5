#include "discovery/sync/sync_requests.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace mosaik::discovery {

void SyncRequests::ask(const PeerId& peer, const std::vector<SocketAddress>& addresses, DialSource source,
                       Events& events) {
  const auto refuse = [&](Errc code, std::string text) {
    events.emplace_back(SyncEnded{peer, fail(code, std::move(text))});
  };
  if (peer == peers_.own_id()) return refuse(Errc::invalid_argument, "that is our own id");
  const auto known = requests_.find(peer);
  if (known == requests_.end() && requests_.size() >= most) return refuse(Errc::limit, "too many syncs at a time");
  Request& request = known == requests_.end() ? requests_[peer] : known->second;
  if (known == requests_.end()) request.order = ++asked_;
  request.source = std::max(request.source, source);
  make_ready(peer, request);
  for (const SocketAddress& address : addresses) {
    if (request.addresses.size() == limits::dial_candidates) break;
    if (std::ranges::find(request.addresses, address) == request.addresses.end()) request.addresses.push_back(address);
  }
}

void SyncRequests::make_ready(const PeerId& peer, Request& request) {
  if (request.not_before) deferred_.erase({*request.not_before, peer});
  request.not_before.reset();
  ready_.emplace(request.order, peer);
}

void SyncRequests::defer(const PeerId& peer, Mono at) {
  Request& request = requests_.at(peer);
  const bool was_ready = ready_.erase(request.order) == 1;
  MOSAIK_ASSERT(was_ready);
  request.not_before = at;
  deferred_.emplace(at, peer);
}

void SyncRequests::pump(const Context& context) {
  const Now& now = context.now;
  while (next_deadline() <= now.mono) {
    const PeerId peer = deferred_.begin()->second;
    make_ready(peer, requests_.at(peer));
  }
  while (exchanges_.table().tally().syncs < limits::concurrent_syncs) {
    // A sync that runs for another reason will do; if it fails, the caller's own addresses get their turn.
    const auto next = std::ranges::find_if(
        ready_, [&](const auto& item) { return exchanges_.table().dialed_to(item.second, Alpn::sync) == nullptr; });
    if (next == ready_.end()) return;
    const PeerId peer = next->second;
    const Request& request = requests_.at(peer);
    Exchange exchange;
    exchange.peer = peer;
    exchange.origin = Exchange::Origin::request;
    // A peer that only others have named learns of others when it has shown an entry of our network.
    const bool known = request.source == DialSource::contact || peers_.find(peer, now);
    exchange.scope = known ? Scope::catalog : Scope::own_entry;
    const Mono at =
        exchanges_.dial(context, exchange, peers_.addresses_of(now, peer, request.addresses), request.source);
    if (at > now.mono) defer(peer, at);
  }
}

void SyncRequests::on_sync_ended(const Now&, const Exchange& exchange, const Result<>& result, Told, Events& events) {
  const auto found = requests_.find(exchange.peer);
  if (found == requests_.end() || (!result && exchange.origin != Exchange::Origin::request)) return;
  const Request& request = found->second;
  ready_.erase(request.order);
  if (request.not_before) deferred_.erase({*request.not_before, found->first});
  requests_.erase(found);
  events.emplace_back(SyncEnded{exchange.peer, result});
}

void SyncRequests::check_invariants() const {
  // A request that is in neither order is never answered; one in both is dialed before its budget allows it.
  MOSAIK_ASSERT(requests_.size() == ready_.size() + deferred_.size() && requests_.size() <= most);
  for (const auto& [order, peer] : ready_) {
    const Request& request = requests_.at(peer);
    MOSAIK_ASSERT(request.order == order && !request.not_before);
  }
  for (const auto& [at, peer] : deferred_) MOSAIK_ASSERT(requests_.at(peer).not_before == at);
}

}  // namespace mosaik::discovery
