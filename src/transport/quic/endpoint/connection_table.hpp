#pragma once
/// ConnectionTable: the connections of an endpoint that have not ended, and whose turn it is to write. Private to the
/// room.

#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "transport/quic/connection/connection.hpp"

namespace mosaik::quic {

class ConnectionTable {
 public:
  /// Null when the link has ended.
  [[nodiscard]] Connection* find(LinkId link) const {
    const auto found = live_.find(link);
    return found == live_.end() ? nullptr : found->second.get();
  }
  /// The links whose datagrams go to the address, in ascending order.
  [[nodiscard]] std::vector<LinkId> at(const SocketAddress& remote) const;
  [[nodiscard]] std::size_t size() const noexcept { return live_.size(); }

  void add(std::unique_ptr<Connection> connection);
  /// Takes out a connection that has ended. A frame of it may just be in its owner's hands: the object lives until
  /// clear_buried().
  void bury(Connection& connection);
  void clear_buried() noexcept { buried_.clear(); }

  /// The connection may have something to write.
  void mark(Connection& connection) {
    if (std::exchange(connection.dirty, true)) return;
    (connection.is_open() ? established_ : handshaking_).push_back(connection.timer.owner);
  }
  /// Links to write, in turn: those that are open, and the others.
  [[nodiscard]] Ring<LinkId>& established() noexcept { return established_; }
  [[nodiscard]] Ring<LinkId>& handshaking() noexcept { return handshaking_; }

  void check_invariants(const Shared& shared, std::size_t closing_routes) const;

 private:
  std::map<LinkId, std::unique_ptr<Connection>> live_;
  std::set<std::pair<SocketAddress, LinkId>> by_remote_;
  std::vector<std::unique_ptr<Connection>> buried_;
  Ring<LinkId> established_;
  Ring<LinkId> handshaking_;
};

}  // namespace mosaik::quic
