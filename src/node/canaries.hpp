#pragma once
/// Canaries: one idle TCP connection per pair of C++ processes, whose end says that a process may have died. This
/// decides who offers and who dials, and with which token; the runtime has the sockets.
///
/// The lower id offers: over a bond it tells the port where it listens and a serial number. The higher id dials, and
/// shows a token that both derive from the TLS exporter of that bond's link and the serial: nobody else can know it,
/// and it is good once. One canary a pair, however many groups the two share; it belongs to the link that it was
/// offered on and goes with it, then another bond of the same two may have one.
///
/// Without ports of our own we offer none; a canary that cannot be had is tried `attempts` times, at growing pauses,
/// and then not again on that link: the other signals decide.

#include <map>
#include <optional>
#include <variant>
#include <vector>

#include <mosaik/id.hpp>
#include <mosaik/result.hpp>

#include "base/now.hpp"
#include "node/canary.hpp"
#include "quic/links.hpp"

namespace mosaik::node {

/// Tell the peer this over the bond: the value of extension canary_offer.
struct CanaryOffer {
  PeerId peer;
  quic::LinkId link;  ///< over this one: the token is made of its exporter
  std::vector<std::uint8_t> value;
};
using CanaryEffect = std::variant<ExpectCanary, DialCanary, CloseCanary, CanaryOffer>;

class Canaries {
 public:
  Canaries(const PeerId& self, const CanaryPorts& ports) : self_(self), ports_(ports) {}

  void on_bond_up(const Now& now, const PeerId& peer, quic::LinkId link, const quic::Links& links,
                  std::vector<CanaryEffect>& effects);
  void on_bond_down(const Now& now, const PeerId& peer, quic::LinkId link, const quic::Links& links,
                    std::vector<CanaryEffect>& effects);
  void on_offer(const PeerId& peer, quic::LinkId link, BytesView value, const quic::Links& links,
                std::vector<CanaryEffect>& effects);
  void on_opened(const Now& now, CanaryId id);
  /// Whose canary has ended after it was open; empty when it never was, or when we closed it.
  [[nodiscard]] std::optional<PeerId> on_ended(const Now& now, CanaryId id);
  void on_timer(const Now& now, const quic::Links& links, std::vector<CanaryEffect>& effects);
  [[nodiscard]] Mono next_deadline() const;

 private:
  struct Perch {
    std::vector<quic::LinkId> links;  ///< of bonds with the peer, the oldest first; the canary belongs to the first
    std::optional<CanaryId> canary;   ///< expected, dialed or open
    bool open = false;
    Mono believed_at{};        ///< from then on its end says something about the peer
    Nanoseconds doubt{};       ///< after its opening, as dialer
    std::uint64_t serial = 0;  ///< of the newest offer, ours or theirs
    unsigned attempts = 0;
    Mono offer_at = never;
  };
  void offer(const Now& now, const PeerId& peer, Perch& perch, const quic::Links& links,
             std::vector<CanaryEffect>& effects);
  void drop(Perch& perch, std::vector<CanaryEffect>& effects);
  [[nodiscard]] CanaryId name(const PeerId& peer, Perch& perch);

  PeerId self_;
  CanaryPorts ports_;
  std::map<PeerId, Perch> perches_;
  std::map<CanaryId, PeerId> owners_;
  std::uint64_t last_id_ = 0;
};

}  // namespace mosaik::node
