#pragma once
/// The file in which a node's Memory waits for its next run: text, one fact a line, readable by a person.
///
///   mosaik state 1
///   started 1795354209769
///   peer 0b302e34...            (a signed entry, hexadecimal)
///   met 07c1be90... 192.0.2.7:7820   (where that peer has proven its key last)
///   group 11aaf826... 5         (the largest size seen of a group with a machine)
///
/// It is a help, not an identity: a missing file is an empty memory, and a line that can not be read is left out, with
/// a warning; so is a `started` that is later than `now` by more than limits::clock_drift. A new content replaces the
/// old one whole (runtime/own_file.hpp), so that a crash leaves the one or the other.

#include <string>
#include <string_view>
#include <vector>

#include <mosaik/types/result.hpp>

#include "base/limits.hpp"
#include "base/now.hpp"
#include "node/persisted_state.hpp"

namespace mosaik::runtime {

/// A longer file is something else.
inline constexpr std::size_t state_file_bytes = 4096 + limits::peer_cache * (2 * limits::entry_bytes + 16 + 128);

struct Recalled {
  node::Memory memory;
  std::vector<std::string> warnings;  ///< what was left out, and why
};

/// Reads the file at `path`. One of another user is not read, with a warning. `now` bounds `started`.
/// Errors: permission, io (a link, a FIFO and so on, too), limit; each names the file and what to do.
[[nodiscard]] Result<Recalled> load_state(const std::string& path, Wall now);
/// Replaces the file. What was there is not opened, and a link there is not followed.
/// Errors: permission, io, not_found (the folder), limit (no room on the disk).
[[nodiscard]] Result<> save_state(const std::string& path, const node::Memory& memory);

/// The text form, for tests and fuzzing.
[[nodiscard]] std::string state_text(const node::Memory& memory);
[[nodiscard]] Recalled parse_state(std::string_view text, const std::string& path, Wall now);

}  // namespace mosaik::runtime
