#pragma once
// Whose a link is, and the links of the endpoint as one room sees them.

#include <map>

#include "link/transport.hpp"
#include "node/dial_scheduler.hpp"

namespace mosaik::node {

/// Who gets a link's events.
struct Owner {
  enum class Room : std::uint8_t { handshake_acceptor, discovery, group };
  Room room{};
  GroupId group;
};

/// The links of the endpoint for one room: what the room dials is the room's.
class Port final : public Links {
 public:
  Port(Transport& endpoint, DialScheduler& dialing, std::map<LinkId, Owner>& owners, const Owner& owner)
      : endpoint_(endpoint), dialing_(dialing), owners_(owners), owner_(owner) {}

  [[nodiscard]] DialPermit permit(const Now& now, DialRequest& request) override {
    return dialing_.permit(now, request);
  }
  [[nodiscard]] bool has_met(const PeerId& peer) const override { return dialing_.has_met(peer); }
  [[nodiscard]] Result<LinkId> dial(const Now& now, const DialRequest& request) override {
    auto dial = dialing_.dial(now, request);
    if (dial) owners_[*dial] = owner_;
    return dial;
  }
  SendResult send(LinkId link, SendClass kind, const Frame& frame) override {
    return endpoint_.send(link, kind, frame);
  }
  void close(const Now& now, LinkId link, CloseCode code, CloseMode mode) override {
    if (!dialing_.cancel(now, link, code)) endpoint_.close(now, link, code, mode);
  }
  void set_frame_limit(LinkId link, std::size_t bytes) override { endpoint_.set_frame_limit(link, bytes); }
  [[nodiscard]] Result<Bytes32> exporter(LinkId link, BytesView label) const override {
    return endpoint_.exporter(link, label);
  }
  [[nodiscard]] std::optional<LinkStats> stats(LinkId link) const override { return endpoint_.stats(link); }

 private:
  Transport& endpoint_;
  DialScheduler& dialing_;
  std::map<LinkId, Owner>& owners_;
  Owner owner_;
};

}  // namespace mosaik::node
