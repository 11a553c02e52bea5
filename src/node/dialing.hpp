#pragma once
/// Dialing: what a dial of any room may do. It knows who has met us and where, which addresses are no targets, and what
/// the budget of dials has left (base/dial_budget.hpp, base/dial_targets.hpp); whom members name is asked for.
///
/// Hearsay is dialed at one address at a time, in turn, with one packet until something answers.

#include <functional>

#include "base/dial_budget.hpp"
#include "base/dial_targets.hpp"
#include "node/acquaintances.hpp"
#include "quic/links.hpp"

namespace mosaik::node {

class Dialing {
 public:
  /// Whether a bonded member names the peer, or it was bonded with us.
  using Vouched = std::function<bool(const PeerId&)>;
  explicit Dialing(Vouched vouched) : vouched_(std::move(vouched)) {}

  void set_own(const std::vector<SocketAddress>& listening, const std::vector<SocketAddress>& reachable) {
    targets_.set_own(listening, reachable);
  }

  /// Narrows the request to what may be dialed now.
  [[nodiscard]] quic::DialPermit permit(const Now& now, quic::DialRequest& request);
  void on_dialed(const Now& now, quic::LinkId link, const quic::DialRequest& request);
  /// Of either side: the peer has completed a handshake with us.
  void on_opened(const Now& now, const quic::LinkOpened& opened, AdmissionClass standing);
  void on_closed(const Now& now, const quic::LinkClosed& closed);

  /// A member has met our last run there.
  void recall(const PeerId& peer, const SocketAddress& at) { acquaintances_.meet(peer, at, AdmissionClass::member); }

  [[nodiscard]] bool has_met(const PeerId& peer) const { return acquaintances_.find(peer).has_value(); }

 private:
  [[nodiscard]] DialStanding standing(const quic::DialRequest& request, const SocketAddress& address) const;

  Vouched vouched_;
  DialBudget budget_;
  DialTargets targets_;
  Acquaintances acquaintances_;
};

}  // namespace mosaik::node
