#include "transport/quic/endpoint/closing_connections.hpp"

#include <algorithm>

namespace mosaik::quic {

bool ClosingConnection::write(DatagramBatch& out) {
  if (!due_) return true;
  if (out.room().size() < packet_.size()) return false;
  std::ranges::copy(packet_, out.room().begin());
  out.commit(path_, packet_.size());
  due_ = false;
  return true;
}

// What remains of links that ended has places of its own: no flood of ended links keeps us from dialing.
void ClosingConnections::add(Mono now, LinkId link, Ending ending, std::vector<Cid> routes) {
  if (closing_.size() >= limits::closing_connections) forget(closing_.find(std::get<LinkId>(*by_worth_.begin())));
  const auto [place, added] = closing_.try_emplace(link, link, now, std::move(ending), std::move(routes));
  MOSAIK_ASSERT(added);
  by_worth_.insert(place->second.worth());
  timers_.set(place->second.timer, place->second.end());
  mark(place->second);
}

void ClosingConnections::on_datagram(LinkId link) {
  const auto found = closing_.find(link);
  if (found == closing_.end()) return;
  found->second.on_datagram();
  mark(found->second);
}

void ClosingConnections::on_timer(LinkId link) {
  if (const auto found = closing_.find(link); found != closing_.end()) forget(found);
}

void ClosingConnections::mark(ClosingConnection& closing) {
  if (closing.dirty || !closing.is_due()) return;
  closing.dirty = true;
  due_.push_back(closing.timer.owner);
}

void ClosingConnections::forget(Map::iterator closing) {
  MOSAIK_ASSERT(closing != closing_.end());
  for (const Cid& cid : closing->second.routes()) shared_.cids.remove(cid);
  timers_.cancel(closing->second.timer);
  by_worth_.erase(closing->second.worth());
  closing_.erase(closing);
}

bool ClosingConnections::write(DatagramBatch& out) {
  while (!due_.empty()) {
    if (const auto closing = closing_.find(due_.front()); closing != closing_.end()) {
      if (!closing->second.write(out)) return false;
      closing->second.dirty = false;
      ++shared_.counters.datagrams_sent;
    }
    due_.pop_front();
  }
  return true;
}

std::size_t ClosingConnections::routes() const noexcept {
  std::size_t out = 0;
  for (const auto& [link, closing] : closing_) out += closing.routes().size();
  return out;
}

void ClosingConnections::check_invariants() const {
  // Protects memory: a flood of ended links leaves no more than this behind.
  MOSAIK_ASSERT(closing_.size() <= limits::closing_connections);
  // Protects members' closes: the one that makes room is found, and it is the least.
  MOSAIK_ASSERT(by_worth_.size() == closing_.size());
  for (const auto& [link, closing] : closing_) {
    MOSAIK_ASSERT(by_worth_.contains(closing.worth()));
    // Protects memory: each of them has an end.
    MOSAIK_ASSERT(closing.timer.place != 0 && closing.timer.at == closing.end());
    // Protects a peer that is told of the end only once: an answer that is due is also written.
    MOSAIK_ASSERT(closing.dirty || !closing.is_due());
  }
}

}  // namespace mosaik::quic
