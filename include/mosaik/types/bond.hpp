#pragma once
/// Bond and Bonds: the mesh of a group as this node knows it, at one moment. Values: they never change, and copies
/// share their content; ask the group again for news, or wait with when().

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <mosaik/export.hpp>
#include <mosaik/types/peer_entry.hpp>

namespace mosaik {

/// How surely a bond between two peers is known.
enum class BondState : std::uint8_t {
  own,          ///< it is ours: this node holds one end
  both_ends,    ///< both ends say so
  one_sided,    ///< one end says so and the other, asked, does not
  as_reported,  ///< a peer that never announces ends has once reported it
};
[[nodiscard]] MOSAIK_EXPORT std::string_view to_string(BondState state) noexcept;

/// The other end of one of our own bonds, with the newest entry that it has signed.
class MOSAIK_EXPORT Peer {
 public:
  Peer() = default;
  explicit Peer(std::shared_ptr<const PeerEntry> entry) : entry_(std::move(entry)) {}
  [[nodiscard]] const PeerId& id() const noexcept { return entry_->id; }
  [[nodiscard]] const PeerEntry& entry() const noexcept { return *entry_; }

 private:
  std::shared_ptr<const PeerEntry> entry_;
};

/// A bond between two peers of the group.
class MOSAIK_EXPORT Bond {
 public:
  /// What only the ends of a bond know.
  struct Own {
    Peer peer;                       ///< the other end
    SessionId session;               ///< this establishment; what a Rust node calls its bond id
    std::chrono::nanoseconds rtt{};  ///< smoothed round trip of the connection
    std::chrono::nanoseconds age{};  ///< since the bond was formed
    bool opened_by_us = false;       ///< we dialed; otherwise the other end did
    SocketAddress remote;            ///< where its datagrams come from
    bool suspect = false;            ///< silent or unreachable at this moment, not yet given up
  };

  Bond(BondId id, PeerId a, PeerId b, BondState state, std::optional<Own> own)
      : id_(id), a_(a), b_(b), state_(state), own_(std::move(own)) {}

  [[nodiscard]] const BondId& id() const noexcept { return id_; }
  /// The ends, the lower id first.
  [[nodiscard]] const PeerId& a() const noexcept { return a_; }
  [[nodiscard]] const PeerId& b() const noexcept { return b_; }
  [[nodiscard]] BondState state() const noexcept { return state_; }
  /// This node holds one end. Only then may peer(), session(), rtt() and own() be called.
  [[nodiscard]] bool is_own() const noexcept { return own_.has_value(); }
  /// The other end of an own bond.
  [[nodiscard]] const Peer& peer() const { return own_->peer; }
  [[nodiscard]] const SessionId& session() const { return own_->session; }
  [[nodiscard]] std::chrono::nanoseconds rtt() const { return own_->rtt; }
  [[nodiscard]] const Own& own() const { return *own_; }

 private:
  BondId id_;
  PeerId a_;
  PeerId b_;
  BondState state_;
  std::optional<Own> own_;
};

/// All bonds known in the group, other peers' included, ascending by (a, b).
class MOSAIK_EXPORT Bonds {
 public:
  using Pair = std::pair<PeerId, PeerId>;  ///< the lower id first

  Bonds() : Bonds({}, {}, {}) {}
  Bonds(PeerId self, std::vector<Bond> bonds, std::vector<Pair> missing);

  [[nodiscard]] std::size_t size() const noexcept { return content_->bonds.size(); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] auto begin() const noexcept { return content_->bonds.begin(); }
  [[nodiscard]] auto end() const noexcept { return content_->bonds.end(); }
  /// Our own bonds, ascending by the other end.
  [[nodiscard]] Bonds own() const;
  /// The bonds that `peer` is an end of.
  [[nodiscard]] Bonds of(const PeerId& peer) const;
  /// The bond between two peers, in either order; null when there is none. It lives as long as these Bonds or a copy of
  /// them: keep one, `group.bonds().between(x, y)` is over with its statement.
  [[nodiscard]] const Bond* between(const PeerId& x, const PeerId& y) const;
  /// Pairs of known members that should be bonded and are not, or only at one end. Lives as long as these Bonds or a
  /// copy.
  [[nodiscard]] const std::vector<Pair>& missing() const noexcept { return content_->missing; }

 private:
  struct Content {
    PeerId self;
    std::vector<Bond> bonds;
    std::vector<Pair> missing;
  };
  std::shared_ptr<const Content> content_;
};

}  // namespace mosaik
