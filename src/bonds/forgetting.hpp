#pragma once
/// Forgetting: an operator wants a member that will not come back to be forgotten by all.
///
/// A member that lives as far as anybody says is not forgotten. A newer run than the one that was meant, and a member
/// that proves the key, come back (forgotten.hpp).

#include <mosaik/types/result.hpp>

#include "bonds/members.hpp"

namespace mosaik::bonds {

class Forgetting {
 public:
  /// Both outlive this.
  Forgetting(Members& members, const Topology& topology) : members_(members), topology_(topology) {}

  /// The incarnation that is to be forgotten. Errors: not_found; refused when the member lives, with the reason.
  [[nodiscard]] Result<std::int64_t> check(const PeerId& peer) const;
  /// What other members are asked to do: the value of extension forget.
  [[nodiscard]] static std::vector<std::uint8_t> encode(const PeerId& peer, std::int64_t incarnation);
  /// Another member was asked to.
  void on_asked(const MeshContext& context, BytesView value);
  void forget(const MeshContext& context, const PeerId& peer, std::int64_t incarnation);

 private:
  /// Why the member is not to be forgotten, in words; empty when it is gone.
  [[nodiscard]] std::string_view sign_of_life(const Member& member) const;

  Members& members_;
  const Topology& topology_;
};

}  // namespace mosaik::bonds
