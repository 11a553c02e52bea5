#pragma once
/// ProtocolRegistry: which handler serves which protocol, and which handler each link belongs to.
///
/// A link that a peer opens belongs to the handler of its ALPN, a dialed link to the handler that dialed it. A handler
/// without an ALPN (the bonds of one group) gets links by its own dials, or handed over by another handler.

#include <map>
#include <utility>
#include <vector>

#include "link/protocol_handler.hpp"
#include "link/transport.hpp"
#include "node/dial_scheduler.hpp"

namespace mosaik::node {

class ProtocolRegistry {
 public:
  class Port;

  /// Both outlive this.
  ProtocolRegistry(Transport& transport, DialScheduler& dialing) noexcept : transport_(transport), dialing_(dialing) {}
  ProtocolRegistry(const ProtocolRegistry&) = delete;
  ProtocolRegistry& operator=(const ProtocolRegistry&) = delete;

  /// Links that peers open with the ALPN are the handler's from now on. The handler outlives this.
  void serve(const Alpn& alpn, ProtocolHandler& handler);
  /// A handler without an ALPN, until detach().
  void attach(ProtocolHandler& handler);
  /// No link belongs to the handler any more.
  void detach(const ProtocolHandler& handler);

  /// The links of the node in the handler's name.
  [[nodiscard]] Port port(ProtocolHandler& handler) noexcept;
  /// Null when the link belongs to nobody.
  [[nodiscard]] ProtocolHandler* owner(LinkId link) const;
  /// Runs `call` with the handler that the link belongs to, if there is one.
  template <class F>
  void with_owner(const Now& now, LinkId link, F&& call);

  /// An accepted link has opened. Returns its handler; null when nobody serves its ALPN.
  ProtocolHandler* accept(const LinkOpened& opened);
  /// A link has opened that was dialed under another name.
  void rename(LinkId dialed_as, LinkId link);
  void hand_over(LinkId link, ProtocolHandler& handler);
  /// The link has closed. Returns the handler that it belonged to.
  ProtocolHandler* release(LinkId link);

  /// Gives each protocol its timer, in the order in which they were registered.
  void on_timer(const Now& now);
  /// The nearest one of all protocols.
  [[nodiscard]] Mono next_deadline() const;
  void check_invariants() const;

 private:
  [[nodiscard]] bool knows(const ProtocolHandler* handler) const;

  Transport& transport_;
  DialScheduler& dialing_;
  std::vector<std::pair<Alpn, ProtocolHandler*>> protocols_;
  std::vector<ProtocolHandler*> handlers_;  ///< of protocols, each once, in the order of registration
  std::vector<ProtocolHandler*> attached_;
  std::map<LinkId, ProtocolHandler*> owners_;
};

class ProtocolRegistry::Port final : public Links {
 public:
  Port(ProtocolRegistry& registry, ProtocolHandler& handler) noexcept : registry_(registry), handler_(handler) {}

  [[nodiscard]] DialPermit permit(const Now& now, DialRequest& request) override {
    return registry_.dialing_.permit(now, request);
  }
  [[nodiscard]] bool has_met(const PeerId& peer) const override { return registry_.dialing_.has_met(peer); }
  [[nodiscard]] Result<LinkId> dial(const Now& now, const DialRequest& request) override {
    auto dial = registry_.dialing_.dial(now, request);
    if (dial) registry_.owners_[*dial] = &handler_;
    return dial;
  }
  SendResult send(LinkId link, SendClass kind, const Frame& frame) override {
    return registry_.transport_.send(link, kind, frame);
  }
  void close(const Now& now, LinkId link, CloseCode code, CloseMode mode) override {
    if (!registry_.dialing_.cancel(now, link, code)) registry_.transport_.close(now, link, code, mode);
  }
  void set_frame_limit(LinkId link, std::size_t bytes) override { registry_.transport_.set_frame_limit(link, bytes); }
  [[nodiscard]] Result<Bytes32> exporter(LinkId link, BytesView label) const override {
    return registry_.transport_.exporter(link, label);
  }
  [[nodiscard]] std::optional<LinkStats> stats(LinkId link) const override { return registry_.transport_.stats(link); }

 private:
  ProtocolRegistry& registry_;
  ProtocolHandler& handler_;
};

inline ProtocolRegistry::Port ProtocolRegistry::port(ProtocolHandler& handler) noexcept {
  return Port(*this, handler);
}

template <class F>
void ProtocolRegistry::with_owner(const Now& now, LinkId link, F&& call) {
  ProtocolHandler* const handler = owner(link);
  if (handler == nullptr) return;
  Port links = port(*handler);
  call(*handler, LinkContext{now, links});
}

}  // namespace mosaik::node
