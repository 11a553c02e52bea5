#include "sim/oracle/reachability.hpp"

#include <algorithm>

namespace mosaik::sim {

namespace {
/// The least that QUIC needs of a path (RFC 9000 14).
constexpr std::size_t quic_datagram = 1200;
/// A bond is used at least so often.
constexpr Nanoseconds lately = 3s;

std::pair<HostId, HostId> pair_of(HostId one, HostId other) {
  return one < other ? std::pair(one, other) : std::pair(other, one);
}
}  // namespace

void Reachability::note_sent(HostId from, HostId to, const SocketAddress& address) {
  if (wiring_.routed()) sent_to_[{from, to}][address] = scheduler_.now();
}

/// An address that `from` knows of `to` leads to it, and the answer back.
bool Reachability::can_reach(const Host& from, const Host& to) {
  const Network& network = wiring_.network();
  if (network.is_cut(from.id, to.id) || network.is_cut(to.id, from.id)) return false;
  std::vector<SocketAddress> known;
  for (const identity::EntryRef& entry : from.program->catalog(from.clock.read(scheduler_.now())))
    if (entry->id() == to.peer) known = entry->entry.sockets();
  return std::ranges::any_of(known, [&](const SocketAddress& address) {
    return wiring_.routes().answers(scheduler_.now(), from.id, address, quic_datagram) == to.id;
  });
}

bool Reachability::in_touch(const Host& from, const Host& to) {
  if (wiring_.network().is_cut(from.id, to.id)) return false;
  std::map<SocketAddress, Mono>& sent = sent_to_[{from.id, to.id}];
  std::erase_if(sent, [&](const auto& item) { return item.second + lately < scheduler_.now(); });
  return !sent.empty() && std::ranges::all_of(sent, [&](const auto& item) {
    return wiring_.routes().answers(scheduler_.now(), from.id, item.first, quic_datagram) == to.id;
  });
}

void Reachability::note() {
  if (!wiring_.routed()) return;
  changes_seen_ = wiring_.changes();
  Since reachable;
  Since in_touch_now;
  const auto note = [&](const Since& before, Since& now, const std::pair<HostId, HostId>& pair) {
    const auto known = before.find(pair);
    now.emplace(pair, known == before.end() ? scheduler_.now() : known->second);
  };
  for (const auto& [one_id, one] : truth_.current()) {
    for (const auto& [other_id, other] : truth_.current()) {
      if (!(one_id < other_id) || !roster_.should_bond(*one, *other)) continue;
      const Host& a = hosts_.at(one_id);
      const Host& b = hosts_.at(other_id);
      if (can_reach(a, b) || can_reach(b, a)) note(reachable_, reachable, pair_of(one_id, other_id));
      if (in_touch(a, b) && in_touch(b, a)) note(in_touch_, in_touch_now, pair_of(one_id, other_id));
    }
  }
  reachable_ = std::move(reachable);
  in_touch_ = std::move(in_touch_now);
}

void Reachability::note_changes() {
  if (changes_seen_ != wiring_.changes()) note();
}

std::optional<Mono> Reachability::reachable_since(HostId one, HostId other) const {
  const auto found = reachable_.find(pair_of(one, other));
  return found == reachable_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Mono> Reachability::in_touch_since(HostId one, HostId other) const {
  const auto found = in_touch_.find(pair_of(one, other));
  return found == in_touch_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace mosaik::sim
