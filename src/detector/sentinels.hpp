#pragma once
/// Sentinels: one idle TCP connection per pair of C++ processes, whose end says that a process may have died. This
/// decides who offers and who dials, and with which token; the runtime has the sockets.
///
/// The lower id offers: over a bond it tells the port where it listens and a serial number. The higher id dials, and
/// shows a token that both derive from the TLS exporter of that bond's link and the serial: nobody else can know it,
/// and it is good once. One sentinel a pair, however many groups the two share; it belongs to the link that it was
/// offered on and goes with it, then another bond of the same two may have one.
///
/// Without ports of our own we offer none; a sentinel that cannot be had is tried `attempts` times, at growing pauses,
/// and then not again on that link: the other signals decide.

#include <map>
#include <optional>
#include <variant>
#include <vector>

#include <mosaik/types/id.hpp>
#include <mosaik/types/result.hpp>

#include "base/now.hpp"
#include "detector/sentinel.hpp"
#include "link/links.hpp"

namespace mosaik::detector {

/// Tell the peer this over the bond: the value of extension sentinel_offer.
struct SentinelOffer {
  PeerId peer;
  LinkId link;  ///< over this one: the token is made of its exporter
  std::vector<std::uint8_t> value;
};
using SentinelAction = std::variant<ExpectSentinel, DialSentinel, CloseSentinel, SentinelOffer>;

class Sentinels {
 public:
  Sentinels(const PeerId& self, const SentinelPorts& ports) : self_(self), ports_(ports) {}

  void on_bond_up(const Now& now, const PeerId& peer, LinkId link, const Links& links,
                  std::vector<SentinelAction>& actions);
  void on_bond_down(const Now& now, const PeerId& peer, LinkId link, const Links& links,
                    std::vector<SentinelAction>& actions);
  void on_offer(const PeerId& peer, LinkId link, BytesView value, const Links& links,
                std::vector<SentinelAction>& actions);
  void on_opened(const Now& now, SentinelId id);
  /// Whose sentinel has ended after it was open; empty when it never was, or when we closed it.
  [[nodiscard]] std::optional<PeerId> on_ended(const Now& now, SentinelId id);
  void on_timer(const Now& now, const Links& links, std::vector<SentinelAction>& actions);
  [[nodiscard]] Mono next_deadline() const;

  void check_invariants() const;

 private:
  /// The sentinel of one pair of processes.
  struct SentinelSlot {
    enum class State : std::uint8_t {
      empty,    ///< there is none
      pending,  ///< expected or dialed
      open,
    };
    void enter(State next);

    std::vector<LinkId> links;  ///< of bonds with the peer, the oldest first; the sentinel belongs to the first
    State state = State::empty;
    SentinelId id{};           ///< while not empty
    Mono believed_at{};        ///< from then on its end says something about the peer
    Nanoseconds doubt{};       ///< after its opening, as dialer
    std::uint64_t serial = 0;  ///< of the newest offer, ours or theirs
    unsigned attempts = 0;
    Mono offer_at = never;
  };
  void offer(const Now& now, const PeerId& peer, SentinelSlot& slot, const Links& links,
             std::vector<SentinelAction>& actions);
  void drop(SentinelSlot& slot, std::vector<SentinelAction>& actions);
  [[nodiscard]] SentinelId begin(const PeerId& peer, SentinelSlot& slot);

  PeerId self_;
  SentinelPorts ports_;
  std::map<PeerId, SentinelSlot> slots_;
  std::map<SentinelId, PeerId> owners_;
  std::uint64_t last_id_ = 0;
};

}  // namespace mosaik::detector
