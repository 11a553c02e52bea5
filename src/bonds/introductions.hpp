#pragma once
/// Introductions: what bonded members say of other members, in the lists of handshakes and in BondFormed.
///
/// Lists are verified within a budget (list_intake.hpp), and what is verified is learned: a member that another one
/// names is dialed, unless it has refused us and nothing about it is new.

#include "bonds/dialer.hpp"
#include "bonds/list_intake.hpp"

namespace mosaik::bonds {

class Introductions {
 public:
  /// All outlive this.
  Introductions(identity::Verifier& verifier, Members& members, Topology& topology, Dialer& dialer)
      : verifier_(verifier), members_(members), topology_(topology), dialer_(dialer) {}

  /// What can be told of a list at once; empty when an entry of it does not verify.
  [[nodiscard]] std::optional<ListIntake::Read> read(const Now& now, std::span<const BytesView> list) {
    return lists_.read(now, list, verifier_);
  }
  /// The list of a peer that is bonded now: learns its entries, and keeps the rest for later.
  void take(const MeshContext& context, const PeerId& from, ListIntake::Read list);
  void learn(const MeshContext& context, const PeerId& from, std::span<const identity::EntryRef> entries);
  /// Entries of kept lists, as the budget lets them through.
  [[nodiscard]] std::vector<ListIntake::Heard> take_kept(const Now& now) { return lists_.take(now, verifier_); }
  /// The peer is not bonded any more.
  void forget(const PeerId& peer) { lists_.forget(peer); }
  /// A bonded member's row names them.
  void vouch(const MeshContext& context, const std::set<PeerId>& peers);
  [[nodiscard]] Mono next_deadline() const noexcept { return lists_.next_deadline(); }

  void check_invariants() const;

 private:
  identity::Verifier& verifier_;
  Members& members_;
  Topology& topology_;
  Dialer& dialer_;
  ListIntake lists_;
};

}  // namespace mosaik::bonds
