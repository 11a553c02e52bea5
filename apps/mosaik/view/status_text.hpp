#pragma once
/// How a node is, in words: for `mosaik status` and `mosaik watch`.

#include <string>

#include "control/json.hpp"
#include "view/output.hpp"

namespace mosaik::command {

[[nodiscard]] std::string health_text(Health health, const Style& style);
[[nodiscard]] std::string member_state_text(MemberState state, const Style& style);
/// Several lines: the node, its groups, and why something is not well.
[[nodiscard]] std::string status_text(const control::json::NodeSummary& summary, const Style& style);
[[nodiscard]] std::string members_table(const std::vector<MemberStatus>& members, const Style& style);

}  // namespace mosaik::command
