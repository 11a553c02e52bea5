#pragma once
/// KnownAddresses: which peers have completed a handshake with us, of any protocol and either side, and from which
/// address. There the packets of a dial go to the owner of the key, and to nobody who was merely named.
///
/// Limit: limits::acquaintances of strangers, and as many of members, whom strangers cannot push out; the oldest leave.

#include <cstdint>
#include <map>
#include <optional>

#include <mosaik/types/address.hpp>
#include <mosaik/types/id.hpp>

#include "base/admission_table.hpp"
#include "base/limits.hpp"

namespace mosaik::node {

class KnownAddresses {
 public:
  void meet(const PeerId& peer, const SocketAddress& from, AdmissionClass standing) {
    if (standing == AdmissionClass::member) strangers_.forget(peer);
    of(members_.contains(peer) ? AdmissionClass::member : standing).put(peer, from);
  }
  /// Where it was met last; empty when it was not met, or long ago.
  [[nodiscard]] std::optional<SocketAddress> find(const PeerId& peer) const {
    const auto member = members_.find(peer);
    return member ? member : strangers_.find(peer);
  }

 private:
  class Table {
   public:
    void put(const PeerId& peer, const SocketAddress& from) {
      forget(peer);
      if (by_peer_.size() >= limits::acquaintances) forget(by_age_.begin()->second);
      by_peer_[peer] = {from, ++order_};
      by_age_[order_] = peer;
    }
    void forget(const PeerId& peer) {
      const auto found = by_peer_.find(peer);
      if (found == by_peer_.end()) return;
      by_age_.erase(found->second.order);
      by_peer_.erase(found);
    }
    [[nodiscard]] bool contains(const PeerId& peer) const { return by_peer_.contains(peer); }
    [[nodiscard]] std::optional<SocketAddress> find(const PeerId& peer) const {
      const auto found = by_peer_.find(peer);
      return found == by_peer_.end() ? std::nullopt : std::optional(found->second.from);
    }

   private:
    struct Meeting {
      SocketAddress from;
      std::uint64_t order = 0;
    };
    std::map<PeerId, Meeting> by_peer_;
    std::map<std::uint64_t, PeerId> by_age_;
    std::uint64_t order_ = 0;
  };

  [[nodiscard]] Table& of(AdmissionClass standing) {
    return standing == AdmissionClass::member ? members_ : strangers_;
  }

  Table strangers_;
  Table members_;
};

}  // namespace mosaik::node
