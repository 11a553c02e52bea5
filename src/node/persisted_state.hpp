#pragma once
/// Memory: what a node should still know in its next run with the same key. It only saves time and embarrassment:
/// without it a node finds its peers through its bootstrap list, and trusts its clock. It holds no secret.
///
/// The bytes of entries are kept as they were signed, and are verified like any others when they are read again: a file
/// that somebody has changed can hide a peer, never invent one.

#include <cstdint>
#include <map>
#include <vector>

#include <mosaik/types/address.hpp>
#include <mosaik/types/id.hpp>

namespace mosaik::node {

struct Memory {
  /// `started` of the newest entry that this key has signed: a clock that went back must not make the next run look
  /// older (docs/protocol/discovery.md 1.7). 0: not known.
  std::int64_t started = 0;
  /// Signed entries of peers that were bonded with us and did not depart, ascending by id, at most limits::peer_cache.
  std::vector<std::vector<std::uint8_t>> entries{};
  /// Where they have proven their keys last: a bond is tried there first. At most one a peer of `entries`.
  std::map<PeerId, SocketAddress> met{};
  /// The largest size seen of groups with a machine: a part of one knows that it is a part; at most limits::groups.
  std::map<GroupId, std::uint32_t> group_sizes{};

  friend bool operator==(const Memory&, const Memory&) = default;
};

}  // namespace mosaik::node
