#pragma once
/// LiveBonds: bonds from the end of their handshake to their own end (docs/protocol/groups.md 4).

#include "bonds/bond_sender.hpp"
#include "bonds/forgetting.hpp"
#include "bonds/introductions.hpp"
#include "wire/messages.hpp"

namespace mosaik::bonds {

/// How a bond ends, and what that says of its peer.
struct Ending {
  EndedBy by{};
  std::uint64_t code = 0;
  std::string_view reason{};
  LossReason loss = LossReason::none;
  DesiredState desired = DesiredState::wanted;
  std::optional<SocketAddress> moved_to{};
};

/// What a handshake has brought.
struct Proven {
  LinkId link;
  SessionId session;
  Side side{};
  bool cpp = false;
  Capabilities capabilities;
  EnginePayload engine{};
};

/// The time after a first bond, in which more of them are on their way.
class FirstCompany {
 public:
  void on_first_bond(const Now& now) {
    since_ = now.mono;
    told_ = false;
  }
  [[nodiscard]] bool settling(const Now& now) const { return now.mono < since_ + limits::first_company; }
  /// True once, when it is over.
  [[nodiscard]] bool take_end(const Now& now) { return !settling(now) && !std::exchange(told_, true); }
  [[nodiscard]] Mono next_deadline() const { return told_ ? never : since_ + limits::first_company; }

 private:
  Mono since_{};
  bool told_ = true;
};

class LiveBonds {
 public:
  /// All outlive this.
  LiveBonds(MeshEnvironment& environment, Members& members, Topology& topology, Dialer& dialer,
            Introductions& introductions, Forgetting& forgetting, Rng rng);

  void establish(const MeshContext& context, Member& member, const Proven& proven);
  void on_frame(const MeshContext& context, Member& member, BytesView payload);
  /// A frame that is still coming is a sign of life as a whole one is.
  static void on_growing(const MeshContext& context, Member& member);
  void on_closed(const MeshContext& context, Member& member, const CloseInfo& close);
  /// Its heartbeat is due.
  void on_tick(const MeshContext& context, Member& member);
  /// Closes the link of the bond, which ends it.
  void close(const MeshContext& context, Member& member, CloseCode code, const Ending& ending);
  /// Whatever the peer has sent is not worth the bond.
  void close_by_us(const MeshContext& context, Member& member, CloseCode code, std::string_view reason);

  /// Sends a whole bond message; false when its queue is full, which closes the bond, or only drops a bulk frame.
  bool send_raft(const MeshContext& context, Member& member, SendClass kind, const Frame& frame);
  /// Our own entry has a new version.
  void tell_entry(const MeshContext& context);
  /// Says goodbye, and closes when that is acknowledged.
  static void depart(const MeshContext& context, const LiveBond& bond, const Frame& departure);
  /// Sends the own row to all that do not have it, if that is due.
  void on_timer(const MeshContext& context);
  [[nodiscard]] Mono next_deadline() const;
  [[nodiscard]] BondSender& sender() noexcept { return sender_; }
  [[nodiscard]] const FirstCompany& company() const noexcept { return company_; }

 private:
  void end(const MeshContext& context, Member& member, const Ending& ending);
  void on_message(const MeshContext& context, Member& member, const wire::Ping& ping);
  void on_message(const MeshContext& context, Member& member, const wire::Pong& pong);
  void on_message(const MeshContext& context, Member& member, const wire::Departure& departure);
  void on_message(const MeshContext& context, Member& member, const wire::PeerEntryUpdate& update);
  void on_message(const MeshContext& context, Member& member, const wire::BondFormed& formed);
  void on_message(const MeshContext& context, Member& member, const wire::Raft& raft);
  void on_extensions(const MeshContext& context, const Member& member, LiveBond& bond, BytesView tail);

  MeshEnvironment& environment_;
  Members& members_;
  Topology& topology_;
  Dialer& dialer_;
  Introductions& introductions_;
  Forgetting& forgetting_;
  BondSender sender_;
  Pulse pulse_;  ///< the ticks of all heartbeats
  FirstCompany company_;
};

}  // namespace mosaik::bonds
