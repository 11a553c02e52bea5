#include "discovery/diagnostics.hpp"

#include "base/assert.hpp"

namespace mosaik::discovery {

void Diagnostics::give(const Now& now, Notice notice, Events& events) {
  std::map<Subject, Boot>& given = given_[notice.kind];
  const Subject subject{notice.peer, notice.contact};
  if (const auto found = given.find(subject); found != given.end() && now.boot - found->second < pause) return;
  if (given.size() >= remembered)
    std::erase_if(given, [&](const auto& item) { return now.boot - item.second >= pause; });
  if (given.size() >= remembered) return;
  given[subject] = now.boot;
  MOSAIK_ASSERT(given.size() <= remembered);
  events.emplace_back(std::move(notice));
}

void Diagnostics::same_identity(const Now& now, const PeerId& us, const std::string& where, Events& events) {
  give(now,
       {Notice::Kind::same_identity, us,
        "another node" + where + " runs with our secret key (" + us.brief() +
            "); stop one of the two, or give it a key of its own"},
       events);
}

void Diagnostics::own_id_seen(const Now& now, const PeerEntry& ours, const PeerEntry& seen, Events& events) {
  MOSAIK_ASSERT(ours.id == seen.id);
  if (seen.version.started <= ours.version.started) return;
  std::string where;
  for (const SocketAddress& address : seen.sockets()) where += (where.empty() ? " at " : ", ") + address.text();
  same_identity(now, ours.id, where, events);
}

void Diagnostics::other_network(const Now& now, const PeerId& peer, const NetworkId& theirs, const NetworkId& ours,
                                Events& events) {
  give(now,
       {Notice::Kind::other_network, peer,
        "peer " + peer.brief() + " is of another network (" + theirs.brief() + ", ours is " + ours.brief() +
            "); compare the network names"},
       events);
}

void Diagnostics::old_layout(const Now& now, const PeerId& peer, Events& events) {
  give(now,
       {Notice::Kind::old_entry_layout, peer,
        "peer " + peer.brief() + " speaks the entry format of mosaik 0.3, which nobody of 0.4 can read; upgrade it"},
       events);
}

void Diagnostics::future_handed_on(const Now& now, const PeerId& from, const PeerId& about, Events& events) {
  give(now,
       {Notice::Kind::from_the_future, from,
        "peer " + from.brief() + " handed on an entry of " + about.brief() +
            " that is dated in the future; compare their clocks with ours"},
       events);
}

void Diagnostics::from_the_future(const Now& now, const PeerId& peer, Events& events) {
  give(now,
       {Notice::Kind::from_the_future, peer,
        "the entry of peer " + peer.brief() + " is dated in the future; compare its clock with ours"},
       events);
}

void Diagnostics::stale_on_arrival(const Now& now, const PeerId& peer, Events& events) {
  give(now,
       {Notice::Kind::stale_on_arrival, peer,
        "peer " + peer.brief() + " presented an entry that is stale already; compare its clock with ours"},
       events);
}

void Diagnostics::catalog_full(const Now& now, const PeerId& from, std::size_t entries, Events& events) {
  give(now,
       {Notice::Kind::catalog_full, from,
        "the catalog is full with " + std::to_string(entries) + " entries; those longest unheard leave"},
       events);
}

}  // namespace mosaik::discovery
