#pragma once
/// The secret key of a node: what a program needs to make one, keep it, and know whose it is before a Network is open.

#include <mosaik/export.hpp>

#include <string>

#include <mosaik/types/bytes.hpp>
#include <mosaik/types/id.hpp>
#include <mosaik/types/result.hpp>

namespace mosaik {

/// Fills `key` with 32 bytes from the operating system: in its place, so that no copy is left elsewhere.
MOSAIK_EXPORT void make_secret_key(Bytes32& key);
/// The id of the node that has this key (NetworkConfig::secret_key).
[[nodiscard]] MOSAIK_EXPORT PeerId peer_id_of(const Bytes32& key);
/// Makes a file with a new key, mode 0600, and returns its id. Errors: in_use (there is a file already), io.
[[nodiscard]] MOSAIK_EXPORT Result<PeerId> create_key_file(const std::string& path);
/// Returns the id of the key in a file; makes a missing file first. Errors: permission (others may read it), malformed
/// (damaged), in_use (a running node has it), invalid_argument, io.
[[nodiscard]] MOSAIK_EXPORT Result<PeerId> open_key_file(const std::string& path);

}  // namespace mosaik
