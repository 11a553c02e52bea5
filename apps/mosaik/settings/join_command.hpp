#pragma once
/// The command with which a second computer joins the group of a node.

#include <string>
#include <string_view>
#include <vector>

#include <mosaik/types/address.hpp>

#include "settings/settings.hpp"

namespace mosaik::command {

/// `text` as one word of a POSIX shell. Brackets are quoted: they are a pattern of file names.
[[nodiscard]] std::string shell_word(std::string_view text);

/// What a person types at another computer, quoted for a shell: everything that all members must agree on, as far as
/// it differs from the defaults, and where to find this node, which others dial at `addresses`. It never holds a
/// secret: for one that came from the environment stands the file name `FILE`.
[[nodiscard]] std::string join_command(const NodeSettings& settings, const std::vector<SocketAddress>& addresses);

}  // namespace mosaik::command
