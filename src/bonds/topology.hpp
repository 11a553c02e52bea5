#pragma once
/// Topology: who is bonded with whom in the group, as this node knows it.
///
/// Each C++ node owns one row { incarnation, sequence, set of peers it is bonded with }; only its owner changes it and
/// the greatest (incarnation, sequence) wins. Rows travel behind Pings on bonds, in order, so that none is lost while a
/// bond lives, and a new bond starts with a whole row. A Rust peer announces only beginnings (its list in the handshake
/// and BondFormed): its cells are *as reported*, and leave with our bond to it.
///
/// A bond is two half-edges. With one row saying yes and the other no it is *one-sided*, once the grace in which the
/// other row may be on its way is over.

#include <map>
#include <optional>
#include <set>
#include <vector>

#include <mosaik/types/bond.hpp>

#include "base/now.hpp"

namespace mosaik::bonds {

struct Row {
  std::int64_t incarnation = 0;  ///< `started` of its owner's entry
  std::uint64_t sequence = 0;
  std::set<PeerId> peers;
};
void encode_row(const Row& row, std::vector<std::uint8_t>& out);
/// Empty when the bytes are no row, or longer than limits::mesh_peers allows.
[[nodiscard]] std::optional<Row> decode_row(BytesView bytes);

/// A bond that is not ours.
struct KnownPair {
  PeerId a;  ///< the lower id
  PeerId b;
  BondState state{};
};

class Topology {
 public:
  /// How long one half of a bond may be missing before the bond counts as one-sided.
  static constexpr Nanoseconds grace = 2s;

  explicit Topology(const PeerId& self) : self_(self) {}

  /// Our own row. Returns true when it changed.
  bool add_own(const Now& now, const PeerId& peer);
  bool remove_own(const Now& now, const PeerId& peer);
  /// The row of a bonded C++ peer. Returns true when it is news.
  bool on_row(const Now& now, const PeerId& owner, const Row& row);
  /// A bonded Rust peer says that it is bonded with `other`.
  bool on_report(const PeerId& reporter, const PeerId& other);
  /// Our bond to `peer` is gone: its row and its reports leave.
  void forget(const PeerId& peer);

  [[nodiscard]] const Row& own() const noexcept { return own_; }
  /// A bonded member says that it is bonded with the peer.
  [[nodiscard]] bool names(const PeerId& peer) const;
  void set_incarnation(std::int64_t started) { own_.incarnation = started; }
  /// Bonds between others, and our own that the other end denies, ascending.
  [[nodiscard]] std::vector<KnownPair> pairs(const Now& now) const;
  /// Each two of our own peers name each other in their rows; of a pair without rows (Rust members) nothing is asked.
  [[nodiscard]] bool is_clique() const;
  /// When a missing half stops being excused; never when none is missing.
  [[nodiscard]] Mono next_change(const Now& now) const;
  /// Of how many (row, peer) it is remembered when they changed: bounded, whatever rows say.
  [[nodiscard]] std::size_t remembered_changes() const;
  /// Whose rows and reports are known, ascending.
  [[nodiscard]] std::vector<PeerId> speakers() const;

  void check_invariants() const;

 private:
  struct Theirs {
    Row row;
    std::map<PeerId, Mono> changed;  ///< when a peer entered or left the row
    Mono received{};
  };
  static void forget_changes(const Now& now, const std::set<PeerId>& row, std::map<PeerId, Mono>& changed);
  /// Since when exactly one of the two rows names the other; empty when they agree.
  [[nodiscard]] std::optional<Mono> disagree_since(const PeerId& x, const PeerId& y) const;
  /// One of the two rows has changed.
  void compare(const PeerId& x, const PeerId& y);

  PeerId self_;
  Row own_;
  std::map<PeerId, Mono> own_changed_;
  std::map<PeerId, Theirs> rows_;
  std::map<PeerId, std::set<PeerId>> reports_;  ///< by reporter
  std::map<Bonds::Pair, Mono> disagreed_;       ///< pairs of which one row says yes and the other no, and since when
};

}  // namespace mosaik::bonds
