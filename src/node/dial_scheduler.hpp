#pragma once
/// DialScheduler: which addresses of a peer are dialed, when, and which answer counts.
///
/// A dial is a race (RFC 8305): one connection an address, the most promising first, the next one `stagger` later or as
/// soon as an earlier one has failed. The first connection whose peer has proven the key that was meant wins; the
/// others end. A wrong key is an answer about the address, not about the peer: the others go on.
///
/// The caller knows a dial by one name, the link of its first connection; the winner may be another link
/// (LinkOpened::dialed_as). A dial has at least one connection under way until it ends.
///
/// The budget (base/dial_budget.hpp) decides by what speaks for an address whether it may be dialed at all, and the
/// targets (base/dial_targets.hpp) by where it leads. Hearsay is dialed at one address at a time, in turn, with one
/// packet until something answers.
///
/// A peer that stays silent is dialed from another port every other time (node/dial_outlets.hpp).
///
/// Cost: at most limits::dial_addresses handshakes a dial, of which one is completed.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/dial_budget.hpp"
#include "base/dial_targets.hpp"
#include "link/transport.hpp"
#include "node/dial_candidates.hpp"
#include "node/dial_outlets.hpp"
#include "node/known_addresses.hpp"

namespace mosaik::node {

/// A peer that answered where another one was meant.
struct FoundPeer {
  PeerId peer;
  SocketAddress address;
  DialSource source{};  ///< who had named the address
};

class DialScheduler {
 public:
  /// RFC 8305 5, "Connection Attempt Delay": 100 ms is the least that it recommends.
  static constexpr Nanoseconds stagger = 100ms;

  /// Whether a bonded member names the peer, or it was bonded with us.
  using Vouched = std::function<bool(const PeerId&)>;
  /// `transport` outlives this.
  DialScheduler(Transport& transport, PeerId self, Vouched vouched)
      : transport_(transport), self_(self), vouched_(std::move(vouched)) {}

  void set_own(const std::vector<SocketAddress>& listening, const std::vector<SocketAddress>& reachable);
  /// The operator's contact of that number says that the peer is there.
  void set_configured(std::size_t contact, const PeerId& peer, std::vector<SocketAddress> addresses) {
    candidates_.set_configured(contact, peer, std::move(addresses));
  }
  /// The peer has answered where a contact leads that means whoever is there.
  void set_answered(std::size_t contact, const PeerId& peer, const SocketAddress& address) {
    candidates_.set_answered(contact, peer, address);
  }
  /// A member has met our last run there.
  void recall(const PeerId& peer, const SocketAddress& at) { acquaintances_.meet(peer, at, AdmissionClass::member); }
  [[nodiscard]] bool has_met(const PeerId& peer) const { return acquaintances_.find(peer).has_value(); }
  [[nodiscard]] std::optional<SocketAddress> met_at(const PeerId& peer) const { return acquaintances_.find(peer); }

  /// Leaves those addresses to the request that a dial may try now, best first.
  [[nodiscard]] DialPermit permit(const Now& now, DialRequest& request);
  /// Starts a dial that was permitted. Errors: limit, invalid_argument.
  [[nodiscard]] Result<LinkId> dial(const Now& now, const DialRequest& request);
  /// Ends a dial that has not opened: its LinkClosed follows. False: there is no such dial.
  bool cancel(const Now& now, LinkId dial, CloseCode code);

  /// Of either side: the peer has completed a handshake with us. Fills in the name of the dial.
  void on_opened(const Now& now, LinkOpened& opened, AdmissionClass standing);
  /// What the owner of the link or dial should hear; nothing while others of the dial are under way.
  [[nodiscard]] std::optional<LinkClosed> on_closed(const Now& now, const LinkClosed& closed);
  [[nodiscard]] std::vector<FoundPeer> take_found() { return std::exchange(found_, {}); }

  void on_timer(const Now& now);
  [[nodiscard]] Mono next_deadline() const;
  void check_invariants() const;
  /// Dials that have not ended.
  [[nodiscard]] std::size_t running() const noexcept { return races_.size(); }

 private:
  struct Race {
    DialRequest request;                 ///< its addresses are those not tried yet
    std::optional<LinkId> name{};        ///< its first connection
    std::vector<LinkId> running{};       ///< connections under way
    std::vector<std::string> reasons{};  ///< why others failed
    bool refused = true;                 ///< each that failed did because nobody listens there
    bool cancelled = false;
    Mono next_at = never;  ///< when the next address is tried
  };
  struct Try {
    LinkId dial;
    SocketAddress address;
    bool lost = false;  ///< another one has won
  };

  [[nodiscard]] DialStanding standing(const DialRequest& request, const SocketAddress& address) const;
  [[nodiscard]] DialPermit judge(const Now& now, DialRequest& request);
  [[nodiscard]] DialPermit permit_hearsay(const Now& now, DialRequest& request, std::vector<SocketAddress> targets);
  /// Tries the next address that the budget allows now. Errors: as dial().
  [[nodiscard]] Result<LinkId> start_next(const Now& now, Race& race);
  void note_failure(const Now& now, Race& race, const Try& tried, const CloseInfo& close);

  Transport& transport_;
  PeerId self_;
  Vouched vouched_;
  DialBudget budget_;
  DialTargets targets_;
  KnownAddresses acquaintances_;
  DialCandidates candidates_;
  DialOutlets outlets_;
  std::map<LinkId, Race> races_;  ///< by the name of the dial
  std::map<LinkId, Try> tries_;   ///< by connection
  std::vector<FoundPeer> found_;
};

}  // namespace mosaik::node
