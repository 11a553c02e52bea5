#pragma once
/// What a node decided, and why: for a log, or for somebody who looks for the cause of something.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <mosaik/types/id.hpp>

namespace mosaik {

struct TraceField {
  std::string name;
  std::int64_t value = 0;
};

/// One decision. The names are those of docs/ARCHITECTURE.md, "Decisions"; they may grow, and no program should depend
/// on one.
struct TraceRecord {
  std::string component;  ///< consensus, detector, dial, bonds, discovery, quic
  std::string what;
  std::string reason;
  PeerId peer{};    ///< zero: about no peer
  GroupId group{};  ///< zero: of no group
  std::vector<TraceField> fields{};
  std::int64_t wall_ms = 0;  ///< Unix milliseconds
  std::int64_t mono_ns = 0;
  std::uint64_t lost = 0;  ///< so many records before this one had no room
};

/// What somebody wants to hear of. Without anything: all.
struct TraceFilter {
  std::string component{};       ///< of this one alone
  std::optional<PeerId> peer{};  ///< about this one alone
};

}  // namespace mosaik
