#pragma once
/// DialCandidates: the addresses at which a peer may be reached, and what became of dials there. Which of them a dial
/// tries, and in which order, is decided here.
///
/// Sources: the peer's entry and other words of members, which come with each request; what the operator has
/// configured, with every answer of a name server; and where the peer has completed a handshake with us, which the
/// caller knows.
///
/// Order: where it was met last; where it has moved to; then the longest untried, so that none is starved, and of these
/// by place: our own subnet, public, private, link-local, loopback. An address where another key answered is left out
/// for `foreign_pause` unless there is no other.
///
/// Limits: limits::dial_addresses for one dial, limits::dial_candidates a peer, limits::dial_records remembered; the
/// oldest leave.

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <mosaik/types/address.hpp>
#include <mosaik/types/id.hpp>

#include "base/limits.hpp"
#include "base/now.hpp"

namespace mosaik::node {

/// How near an address is likely to be; less comes first.
enum class AddressPlace : std::uint8_t { own_subnet, global, private_use, link_local, loopback };

class DialCandidates {
 public:
  static constexpr Nanoseconds foreign_pause = 10s;
  static constexpr Nanoseconds own_pause = 60s;

  /// Where we are reachable ourselves: what is near to us is dialed first.
  void set_own(std::vector<SocketAddress> reachable);
  /// What the operator's contact of that number, which means this peer, leads to now; instead of what it led to before.
  void set_configured(std::size_t contact, const PeerId& peer, std::vector<SocketAddress> addresses);
  /// The peer has answered where a contact of that number leads that means whoever is there. Instead of whom answered
  /// there before; limits::dial_candidates of one contact.
  void set_answered(std::size_t contact, const PeerId& peer, const SocketAddress& address);
  [[nodiscard]] bool is_configured(const PeerId& peer, const SocketAddress& address) const;

  /// What is known of where a peer may be.
  struct Known {
    std::vector<SocketAddress> named;       ///< by its entry and by members
    std::optional<SocketAddress> met;       ///< where it has completed a handshake with us
    std::optional<SocketAddress> moved_to;  ///< where its packets came from last
  };
  /// All candidates of the peer, no address twice.
  [[nodiscard]] std::vector<SocketAddress> all(const PeerId& peer, const Known& known) const;
  /// Those of them that the next dial tries, the most promising first.
  [[nodiscard]] std::vector<SocketAddress> choose(Mono now, const PeerId& peer, std::vector<SocketAddress> candidates,
                                                  const Known& known) const;

  void on_tried(Mono now, const PeerId& peer, const SocketAddress& address);
  /// Another key answered there; `ours`: our own.
  void on_foreign(Mono now, const PeerId& peer, const SocketAddress& address, bool ours);
  void on_answer(const PeerId& peer, const SocketAddress& address);

  /// It was dialed there in vain for limits::fresh_after, and this is every other dial since.
  [[nodiscard]] bool wants_fresh_port(Mono now, const PeerId& peer, const SocketAddress& address) const {
    const Record* const record = find(peer, address);
    return record != nullptr && record->tries % 2 == 1 && now - record->first_tried >= limits::fresh_after;
  }
  [[nodiscard]] std::size_t remembered() const noexcept { return records_.size(); }

 private:
  using Key = std::pair<PeerId, SocketAddress>;
  struct Record {
    Mono tried{};
    Mono first_tried{};  ///< since the last answer
    std::uint32_t tries = 0;
    Mono left_out_until{};
    std::uint64_t order = 0;
  };

  [[nodiscard]] Record& touch(const Key& key);
  [[nodiscard]] const Record* find(const PeerId& peer, const SocketAddress& address) const;
  [[nodiscard]] AddressPlace place_of(const SocketAddress& address) const;
  template <class F>
  void for_each_configured(const PeerId& peer, F&& call) const {
    for (auto at = configured_.lower_bound({peer, 0}); at != configured_.end() && at->first.first == peer; ++at)
      for (const SocketAddress& address : at->second) call(address);
  }

  std::vector<SocketAddress> reachable_;
  std::map<std::pair<PeerId, std::size_t>, std::vector<SocketAddress>> configured_;  ///< by peer and contact
  std::map<Key, Record> records_;
  std::map<std::uint64_t, Key> by_age_;
  std::uint64_t order_ = 0;
};

}  // namespace mosaik::node
