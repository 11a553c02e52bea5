#pragma once
/// ConnectionIds: the routes that lead to one connection, and the reset tokens with which its peer could end it. They
/// leave the endpoint's tables with this object. Private to the room.

#include <algorithm>
#include <utility>
#include <vector>

#include "transport/quic/shared.hpp"

namespace mosaik::quic {

class ConnectionIds {
 public:
  ConnectionIds(Shared& shared, LinkId link) noexcept : shared_(shared), link_(link) {}
  ConnectionIds(const ConnectionIds&) = delete;
  ConnectionIds& operator=(const ConnectionIds&) = delete;
  ~ConnectionIds() {
    for (const Cid& cid : routes_) shared_.cids.remove(cid);
    for (const Cid& token : reset_tokens_) shared_.reset_tokens.remove(token);
  }

  /// A new id of ours.
  [[nodiscard]] Cid issue() {
    Cid cid = shared_.random_cid();
    while (!shared_.cids.add(cid, link_)) cid = shared_.random_cid();
    routes_.push_back(cid);
    return cid;
  }
  /// The id that a client chose first; false when it leads to another link.
  [[nodiscard]] bool adopt(const Cid& chosen) {
    if (!shared_.cids.add(chosen, link_)) return false;
    routes_.push_back(chosen);
    return true;
  }
  void retire(const Cid& cid) {
    shared_.cids.remove(cid);
    std::erase(routes_, cid);
  }
  /// A stateless reset carries no connection id of ours: it is found by its token (RFC 9000 10.3.1).
  void add_reset_token(const Cid& token) {
    const bool known = std::ranges::find(reset_tokens_, token) != reset_tokens_.end();  // the library tells some twice
    if (!known && shared_.reset_tokens.add(token, link_)) reset_tokens_.push_back(token);
  }
  void remove_reset_token(const Cid& token) {
    if (std::erase(reset_tokens_, token) > 0) shared_.reset_tokens.remove(token);
  }
  /// The routes become the caller's, which removes them from the table.
  [[nodiscard]] std::vector<Cid> release() { return std::exchange(routes_, {}); }

  [[nodiscard]] std::size_t routes() const noexcept { return routes_.size(); }
  [[nodiscard]] std::size_t reset_tokens() const noexcept { return reset_tokens_.size(); }
  void check_invariants() const {
    for (const Cid& cid : routes_) {
      // Protects the peer's link: its datagrams reach this connection, and no other link's do.
      const LinkId* const route = shared_.cids.find(cid);
      MOSAIK_ASSERT(route != nullptr && *route == link_);
    }
    for (const Cid& token : reset_tokens_) {
      // Protects other links: a reset that is meant for this one ends no other.
      const LinkId* const route = shared_.reset_tokens.find(token);
      MOSAIK_ASSERT(route != nullptr && *route == link_);
    }
  }

 private:
  Shared& shared_;
  LinkId link_;
  std::vector<Cid> routes_;
  std::vector<Cid> reset_tokens_;
};

}  // namespace mosaik::quic
