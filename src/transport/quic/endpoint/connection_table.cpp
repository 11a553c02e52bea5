#include "transport/quic/endpoint/connection_table.hpp"

#include <algorithm>

namespace mosaik::quic {

std::vector<LinkId> ConnectionTable::at(const SocketAddress& remote) const {
  std::vector<LinkId> out;
  for (auto next = by_remote_.lower_bound({remote, LinkId{}}); next != by_remote_.end() && next->first == remote;
       ++next)
    out.push_back(next->second);
  return out;
}

void ConnectionTable::add(std::unique_ptr<Connection> connection) {
  by_remote_.emplace(connection->remote(), connection->timer.owner);
  const LinkId link = connection->timer.owner;
  const bool added = live_.emplace(link, std::move(connection)).second;
  MOSAIK_ASSERT(added);
}

void ConnectionTable::bury(Connection& connection) {
  MOSAIK_ASSERT(connection.has_ended());
  by_remote_.erase({connection.remote(), connection.timer.owner});
  const auto taken = live_.extract(connection.timer.owner);
  MOSAIK_ASSERT(!taken.empty());
  buried_.push_back(std::move(taken.mapped()));
}

void ConnectionTable::check_invariants(const Shared& shared, std::size_t closing_routes) const {
  std::size_t routes = closing_routes;
  std::size_t tokens = 0;
  std::size_t unfinished = 0;
  std::size_t dirty = 0;
  std::map<PeerId, std::size_t> accepted;
  for (const auto& [link, connection] : live_) {
    // Protects the owner: the end of a link is told in the step in which it ends.
    MOSAIK_ASSERT(connection->timer.owner == link && !connection->has_ended());
    // Protects an ICMP error's way to the links that it is about.
    MOSAIK_ASSERT(by_remote_.contains({connection->remote(), link}));
    // Protects strangers' handshakes: one that waits for its peer can be told to give way.
    MOSAIK_ASSERT(!connection->is_unfinished_incoming() || shared.incoming.contains(link));
    connection->check_invariants();
    routes += connection->ids().routes();
    tokens += connection->ids().reset_tokens();
    unfinished += connection->is_unfinished_incoming() ? 1 : 0;
    dirty += connection->dirty ? 1 : 0;
    if (connection->counted_peer()) ++accepted[*connection->counted_peer()];
  }
  for (const auto& connection : buried_) tokens += connection->ids().reset_tokens();
  MOSAIK_ASSERT(by_remote_.size() == live_.size());
  MOSAIK_ASSERT(live_.size() <= limits::links);
  // Protects memory: an id leads to a link that lives or is closing, or it has left the table.
  MOSAIK_ASSERT(shared.cids.size() == routes);
  MOSAIK_ASSERT(shared.reset_tokens.size() == tokens);
  // Protects strangers: a place for handshakes is given back at the end of the handshake.
  MOSAIK_ASSERT(shared.incoming.size() == unfinished);
  // Protects peers: a place among the links of one peer is given back with the link.
  MOSAIK_ASSERT(shared.accepted == accepted);
  // Protects every link: what it wants to write is looked for. Marks of links that have ended may be left.
  MOSAIK_ASSERT(dirty <= established_.size() + handshaking_.size());
}

}  // namespace mosaik::quic
