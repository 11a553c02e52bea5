#pragma once
/// The effects that a core may have on links. Node gives each core this port together with an input; in production it
/// is the endpoint of transport/quic, in the simulator's fast tier a Link of the simulated world, in a unit test a
/// recorder. Every effect is queued where it lands: nothing calls back into the core that caused it.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <mosaik/types/result.hpp>

#include "link/link.hpp"

namespace mosaik {

/// Who named the addresses of a dial.
enum class DialSource : std::uint8_t {
  entry,    ///< the peer's entry, and so perhaps a stranger
  contact,  ///< the operator
};

struct DialRequest {
  PeerId peer;                           ///< the key that the other side must prove; zero: any, which is then told
  std::vector<SocketAddress> addresses;  ///< where it may be, best first
  Alpn alpn{};
  DialSource source = DialSource::entry;
  std::uint64_t tries = 0;                  ///< earlier dials of the peer that failed
  bool once = false;                        ///< the first packet is not repeated until something answers
  std::uint8_t outlet = 0;                  ///< the socket that it is dialed from (DatagramPath)
  std::optional<SocketAddress> moved_to{};  ///< where its packets came from last
};

/// Whether and when a dial may start.
struct DialPermit {
  Mono at{};             ///< not later than now: at once; later: ask again then; never: not to these addresses
  std::string_view why;  ///< when it is never
  bool ours = false;     ///< because all addresses are our own
};

class Links {
 public:
  /// Leaves those addresses to the request that may be dialed now, if any, and says how carefully.
  [[nodiscard]] virtual DialPermit permit(const Now&, DialRequest&) { return {}; }
  /// The peer has completed a handshake with us, as far as is remembered.
  [[nodiscard]] virtual bool has_met(const PeerId&) const { return false; }
  /// Starts a dial; LinkOpened (of this link, or of another one that was `dialed_as` it) or LinkClosed follows.
  /// Errors: invalid_argument (no address), limit.
  [[nodiscard]] virtual Result<LinkId> dial(const Now& now, const DialRequest& request) = 0;
  /// Queues a frame. Allowed from LinkOpened on.
  virtual SendResult send(LinkId link, SendClass kind, const Frame& frame) = 0;
  /// Closes with an application code. LinkClosed follows, by us.
  virtual void close(const Now& now, LinkId link, CloseCode code, CloseMode mode) = 0;
  /// The longest frame that is accepted from the peer; limits::handshake_frame until set.
  virtual void set_frame_limit(LinkId link, std::size_t bytes) = 0;
  /// TLS exporter (RFC 8446 7.5), 32 bytes, context = the link's ALPN text (spec: transport 1.6). Errors: not_found.
  [[nodiscard]] virtual Result<Bytes32> exporter(LinkId link, BytesView label) const = 0;
  [[nodiscard]] virtual std::optional<LinkStats> stats(LinkId link) const = 0;

 protected:
  ~Links() = default;
};

}  // namespace mosaik
