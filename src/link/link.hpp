#pragma once
/// What the rooms above know of a connection: a Link, one bidirectional stream of frames with an authenticated peer.
/// The simulator's fast tier makes these same events without QUIC.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <mosaik/types/address.hpp>
#include <mosaik/types/id.hpp>

#include "base/frame.hpp"
#include "base/now.hpp"
#include "wire/alpn.hpp"
#include "wire/close_code.hpp"

namespace mosaik {

/// Names a link for the life of the node; never used again.
struct LinkId {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(const LinkId&, const LinkId&) noexcept = default;
};

enum class Side : std::uint8_t { initiator, acceptor };

/// Which queue a frame waits in, most urgent first. Frames of one class keep their order; a more urgent frame
/// overtakes others between frames, never inside one.
enum class SendClass : std::uint8_t { liveness, consensus, catalog, bulk };

/// What became of a frame that was handed over.
enum class SendResult : std::uint8_t {
  queued,
  full,    ///< the class is at its limit; the frame was not taken
  closed,  ///< no such link, or it is closing
};

enum class CloseMode : std::uint8_t {
  at_once,      ///< unsent frames are lost
  after_flush,  ///< when all that is queued was acknowledged, or at limits::departure_flush
};

enum class ClosedBy : std::uint8_t {
  us,               ///< we closed it
  peer,             ///< an authenticated CONNECTION_CLOSE
  stateless_reset,  ///< a valid stateless reset: the peer lost the connection's state, so its process is another one
  idle,             ///< nothing was received for the idle time
  handshake,        ///< it never opened: TLS failed, the handshake timed out or was refused
  transport,        ///< a QUIC error that we found
  moved,            ///< the peer lives, and its packets come from another address only
};

struct CloseInfo {
  ClosedBy by = ClosedBy::us;
  bool application = false;  ///< `code` is an application code (CloseCode), not a QUIC transport error
  std::uint64_t code = 0;
  std::string reason{};  ///< printable, at most limits::close_reason bytes
  bool refused = false;  ///< `handshake`: nobody listens at the addresses that were dialed (port unreachable)
  std::size_t sent = 0;  ///< `handshake`: bytes that were sent to them
  /// `moved`: the address that its packets came from last. A hint where to dial, and no more.
  std::optional<SocketAddress> moved_to{};
  /// `handshake`: another key than the one that was meant has answered. A hint, for it is not proven.
  std::optional<PeerId> answered_as{};

  [[nodiscard]] bool is(CloseCode wanted) const noexcept {
    return application && code == static_cast<std::uint64_t>(wanted);
  }
};

/// The TLS handshake is complete and both keys are proven: as initiator confirmed, as acceptor completed.
struct LinkOpened {
  LinkId link;
  PeerId peer;
  Alpn alpn{};
  Side side{};
  SocketAddress remote;
  /// As initiator: the link that Links::dial() has named, if that was another one.
  std::optional<LinkId> dialed_as{};
};
/// One whole frame. `payload` is valid until the next event is asked for.
struct LinkFrame {
  LinkId link;
  BytesView payload;
};
/// The peer finished its sending side. `clean`: between two frames.
struct LinkEnded {
  LinkId link;
  bool clean = true;
};
/// A frame announced more than the link's frame limit; nothing more will be delivered from it. The owner closes with
/// 400.
struct LinkOversized {
  LinkId link;
};
/// The first bytes of a frame's payload: enough to know its kind.
using FrameHead = std::array<std::uint8_t, 3>;
/// At least one authenticated packet was received; sent once a datagram batch.
struct LinkActive {
  LinkId link;
};
/// Bytes came of a frame that is not complete; sent once a datagram batch. On a slow path a long frame is all that
/// comes for a long time.
struct LinkGrowing {
  LinkId link;
  FrameHead head{};
};
/// An ICMP port-unreachable of the destination itself that quotes a packet of this link.
struct LinkUnreachable {
  LinkId link;
  /// When the quoted packet was written, if it is one of the newest probes (Transport::probe).
  std::optional<Mono> probe{};
};
/// Packets of this link are being lost: a probe timeout passed without an answer, or somebody on the way says so.
struct LinkLossy {
  LinkId link;
};
/// The last event of a link, or of a dial that failed.
struct LinkClosed {
  LinkId link;
  CloseInfo close;
};
using LinkEvent = std::variant<LinkOpened, LinkFrame, LinkEnded, LinkOversized, LinkActive, LinkGrowing,
                               LinkUnreachable, LinkLossy, LinkClosed>;

struct LinkStats {
  Nanoseconds smoothed_rtt{};
  Nanoseconds least_rtt{};
  std::uint64_t bytes_sent = 0;      ///< stream bytes handed to QUIC
  std::uint64_t bytes_received = 0;  ///< stream bytes delivered by QUIC
  std::size_t queued = 0;            ///< bytes in our queues, all classes
  std::size_t queued_consensus = 0;  ///< of which consensus, without a frame that QUIC has begun to take,
  std::size_t queued_bulk = 0;       ///< and bulk
  std::size_t unanswered = 0;        ///< datagrams sent since the last fresh authenticated packet of the peer
  SocketAddress remote;
};

}  // namespace mosaik
