#pragma once
/// The mesh as a picture: a row and a column for each member, a mark where two are bonded.

#include <string>
#include <vector>

#include <mosaik/types/bond.hpp>

#include "view/output.hpp"

namespace mosaik::command {

struct MatrixSize {
  std::size_t width = 100;  ///< columns of text; a wider group is drawn in blocks
};

/// Lines of text with a legend of the marks that occur. `members` ascend.
[[nodiscard]] std::string draw_matrix(const Bonds& bonds, const std::vector<PeerId>& members, const PeerId& self,
                                      const Style& style, const MatrixSize& size);

/// Everybody who is an end of a bond or of a missing pair, and `self`; ascending.
[[nodiscard]] std::vector<PeerId> members_of(const Bonds& bonds, const PeerId& self);

}  // namespace mosaik::command
