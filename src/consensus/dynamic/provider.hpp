#pragma once
/// Serves those who catch up, in every role (spec: groups 6.12).

#include <map>

#include "consensus/dynamic/bond_events.hpp"
#include "consensus/dynamic/config.hpp"
#include "consensus/dynamic/outbox.hpp"
#include "consensus/dynamic/peers.hpp"
#include "consensus/dynamic/provision.hpp"
#include "consensus/log/log.hpp"

namespace mosaik::consensus {

class Provider {
 public:
  /// What a member offers.
  enum class Offer : std::uint8_t {
    committed,  ///< as the crate does
    all,        ///< a leader: an entry that waits for the joiner's acknowledgement could never be committed otherwise
                ///< (spec: groups 8.1 S14, S16)
  };
  /// All outlive this.
  Provider(const Config& config, const Peers& peers, const Log& log, Outbox& outbox)
      : config_(config), peers_(peers), log_(log), outbox_(outbox) {}

  void on_bonded(const PeerId& peer, Mono now) { provisions_.insert_or_assign(peer, Provision(now)); }
  void on_gone(const PeerId& peer) { provisions_.erase(peer); }

  void on_availability_request(const PeerId& from, Offer offer);
  /// What has become of the answers in our own queues.
  void on_queues(const QueueEmpty& empty);

  // Both answer what may be answered now. True when a joiner of ours has all that we have, and waits only for our next
  // append.
  [[nodiscard]] bool on_fetch_request(const Now& now, const PeerId& from, const IndexRange& range, Offer offer);
  [[nodiscard]] bool serve(const Now& now, Offer offer);
  [[nodiscard]] Mono next_deadline() const noexcept;

  void check_invariants() const;

 private:
  [[nodiscard]] bool serve(const Now& now, const PeerId& peer, Provision& provision, Offer offer);
  [[nodiscard]] Index offered(Offer offer) const noexcept {
    return offer == Offer::all ? log_.last_index() : log_.committed();
  }

  const Config& config_;
  const Peers& peers_;
  const Log& log_;
  Outbox& outbox_;
  std::map<PeerId, Provision> provisions_;
};

}  // namespace mosaik::consensus
