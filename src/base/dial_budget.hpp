#pragma once
/// DialBudget: when the first packet of a dial may go to an address that others have named.
///
/// An entry is signed by its owner, and its owner may be anybody: an address in it may be a victim's. So what nobody
/// has proven is dialed from a budget, and a silent address is left alone the longer the more often it was silent.
///
///  * Hearsay: 4 first packets a second and 20 kB a minute, for all of it together.
///  * Attested: limits::attested_dials at a time.
///  * Both, for each address and each host (of IPv6: each /64): one unanswered first packet at a time, 3 to begin with,
///  6 a minute then.
///    A host that answers may be sent more at a time, and this computer is; hearsay never costs an attested peer of the
///    same host its turn.
///  * Proven: no limits, for the packet goes to the owner of the key. Its back-off is the caller's.
///
/// An answer is a completed handshake with the key that was meant: it gives back what its packet has cost.
///
/// A bucket that is full again is forgotten. While the tables are full of others, an address that is not in them counts
/// as hearsay, so that nothing is gained by filling them.

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <mosaik/types/address.hpp>

#include "base/limits.hpp"
#include "base/now.hpp"

namespace mosaik {

/// What speaks for a peer's being at an address; greater means more.
enum class DialStanding : std::uint8_t {
  hearsay,   ///< its entry alone
  attested,  ///< its entry, and it has completed a handshake with us or a member that is bonded with us names it
  proven,    ///< it has completed a handshake with us at this address, or the operator has named the address
};

/// A bucket of tokens that are times: what was taken grows back as time passes.
class DialBucket {
 public:
  /// When `cost` may be taken; not later than `now`: at once.
  [[nodiscard]] Mono ready(Mono now, Nanoseconds cost, Nanoseconds capacity) const noexcept {
    return std::max(full_at_, now) + cost - capacity;
  }
  /// The bucket never lacks more than `most`.
  void take(Mono now, Nanoseconds cost, Nanoseconds most) noexcept {
    full_at_ = std::min(std::max(full_at_, now) + cost, now + most);
  }
  void give_back(Nanoseconds cost) noexcept { full_at_ -= std::min(cost, full_at_ - Mono{}); }
  [[nodiscard]] bool full(Mono now) const noexcept { return full_at_ <= now; }

 private:
  Mono full_at_{};
};

/// What counts as one host: an IPv4 address, or a /64 of IPv6 as in AdmissionTable; with port 0.
[[nodiscard]] SocketAddress host_of(const SocketAddress& address) noexcept;

class DialBudget {
 public:
  /// Names a dial for its whole life; the caller's.
  using DialId = std::uint64_t;

  /// When a first packet may go to the address; not later than `now`: at once. A later time is when to ask again.
  [[nodiscard]] Mono ask(Mono now, DialStanding standing, const SocketAddress& address);
  /// Whether a first packet may go to the address at once. Nobody is queued by this question.
  [[nodiscard]] bool may(Mono now, DialStanding standing, const SocketAddress& address) const;
  /// The address was silent twice of late: what goes there should not be repeated.
  [[nodiscard]] bool doubtful(Mono now, DialStanding standing, const SocketAddress& address) const;
  /// The dial has sent its first packet to the address. One dial may have several addresses.
  void on_sent(Mono now, DialId dial, DialStanding standing, const SocketAddress& address);
  /// The dial has sent more bytes, and nobody has proven a key yet.
  void on_more(Mono now, DialId dial, std::size_t bytes);
  /// The peer has proven its key at this address.
  void on_answer(Mono now, DialId dial, const SocketAddress& from);
  /// The dial is over; `refused`: because nobody listens there (port unreachable).
  enum class End : std::uint8_t { silent, refused };
  void on_end(Mono now, DialId dial, End how);

  /// Addresses and hosts that are remembered.
  [[nodiscard]] std::size_t remembered() const noexcept { return places_.size(); }
  [[nodiscard]] std::size_t running() const noexcept { return dials_.size(); }

 private:
  /// An address, or with port 0 all addresses of its host.
  using Place = std::pair<DialStanding, SocketAddress>;
  struct Record {
    DialBucket failures;
    std::size_t unanswered = 0;  ///< first packets under way
    std::size_t at_a_time = 1;   ///< so many may be under way: of a host, more as it answers
    Mono queued_until{};         ///< those that were told to wait for it come one after the other
  };
  struct Packet {
    DialStanding standing{};  ///< hearsay or attested
    SocketAddress address;
    bool remembered = false;  ///< its places have records
  };

  /// The record of a place, made when there is none.
  [[nodiscard]] Record& record(DialStanding standing, const SocketAddress& place);
  [[nodiscard]] Record* find(DialStanding standing, const SocketAddress& address);
  [[nodiscard]] bool has_room(Mono now);
  /// Two more places can be remembered.
  [[nodiscard]] bool fits() const noexcept;
  /// When the failures at a place are made good for one more packet.
  [[nodiscard]] static Mono rested(Mono now, const Record& record) noexcept;
  /// One more packet may be under way to a place.
  [[nodiscard]] static bool has_turn(Mono now, const Record& record) noexcept;
  [[nodiscard]] Mono ask_place(Mono now, DialStanding standing, const SocketAddress& address);
  [[nodiscard]] Mono ask_hearsay(Mono now) const;
  void finish(Mono now, DialId dial, const std::optional<SocketAddress>& answered_at, End others);
  void settle(Mono now, const Packet& packet, const SocketAddress& place, std::optional<End> failure);

  std::map<Place, Record> places_;
  std::map<DialId, std::vector<Packet>> dials_;
  std::size_t attested_running_ = 0;
  DialBucket hearsay_bytes_;
  std::array<Mono, limits::hearsay_dials> hearsay_sent_{};  ///< the newest first packets,
  std::size_t next_sent_ = 0;                               ///< and the oldest of these
  Mono swept_{};
};

}  // namespace mosaik
