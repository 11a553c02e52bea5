#pragma once
/// ProtocolHandler: one protocol of a node, on links of its own ALPN. Node's protocol registry gives it the events of
/// its links: those that peers open with its ALPN, and those that it dials itself.

#include "base/admission_table.hpp"
#include "link/links.hpp"

namespace mosaik {

/// What comes with each input of a protocol.
struct LinkContext {
  const Now& now;
  Links& links;  ///< a link that is dialed here belongs to the handler
};

class ProtocolHandler {
 public:
  virtual ~ProtocolHandler() = default;

  /// A link of the handler is open. `standing`: whether the peer is known as a member of a group of ours.
  virtual void on_opened(const LinkContext& context, const LinkOpened& opened, AdmissionClass standing) = 0;
  virtual void on_frame(const LinkContext& context, const LinkFrame& frame) = 0;
  virtual void on_ended(const LinkContext& context, const LinkEnded& ended) = 0;
  virtual void on_oversized(const LinkContext& context, const LinkOversized& oversized) = 0;
  /// The last event of a link, or of a dial.
  virtual void on_closed(const LinkContext& context, const LinkClosed& closed) = 0;
  // Signs of life and of loss.
  virtual void on_active(const LinkContext&, const LinkActive&) {}
  virtual void on_growing(const LinkContext&, const LinkGrowing&) {}
  virtual void on_unreachable(const LinkContext&, const LinkUnreachable&) {}
  virtual void on_lossy(const LinkContext&, const LinkLossy&) {}

  virtual void on_timer(const LinkContext&) {}
  [[nodiscard]] virtual Mono next_deadline() const { return never; }
  virtual void check_invariants() const {}
};

}  // namespace mosaik
