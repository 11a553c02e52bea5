#pragma once
/// What discovery tells.

#include <string>
#include <variant>
#include <vector>

#include <mosaik/types/address.hpp>
#include <mosaik/types/result.hpp>

#include "base/now.hpp"
#include "identity/entry.hpp"

namespace mosaik::discovery {

struct Discovered {
  identity::EntryRef entry;
};
struct Updated {
  identity::EntryRef entry;
};
/// `signed_off`: it said so itself; otherwise its entry went stale.
struct Departed {
  identity::EntryRef last;
  bool signed_off = false;
};
/// Our own entry has a new version: tell the bonds.
struct SelfRefreshed {};
/// Resolve a bootstrap peer's name and answer with on_resolved.
struct Resolve {
  std::size_t bootstrap = 0;
  std::string host;
  std::uint16_t port = 0;
  bool service = false;
};
/// A peer has proven its key at the address that a contact leads to.
struct ContactAnswered {
  std::size_t bootstrap = 0;
  PeerId peer;
  SocketAddress address;
};
/// The end of a sync that sync_with asked for.
struct SyncEnded {
  PeerId peer;
  Result<> result;
};
struct PingEnded {
  PeerId peer;
  Result<identity::EntryRef> result;
  Nanoseconds rtt{};
};
/// Something that a person should know; each kind at most once a minute and peer.
struct Notice {
  enum class Kind : std::uint8_t {
    old_entry_layout,  ///< a peer speaks the 0.3 layout
    from_the_future,   ///< entries dated beyond the drift bound: its clock, or ours
    stale_on_arrival,  ///< a peer's own entry arrived already stale: its clock, or ours
    same_identity,     ///< somebody else publishes entries with our id
    other_network,     ///< a peer of another network
    bootstrap_silent,  ///< a bootstrap peer does not answer
    bootstrap_answered,
    catalog_full,
  };
  Kind kind{};
  PeerId peer;
  std::string text;
  std::size_t contact = 0;  ///< of one without an id: its place in the configuration, counted from 1
};
using DiscoveryEvent =
    std::variant<Discovered, Updated, Departed, SelfRefreshed, Resolve, ContactAnswered, SyncEnded, PingEnded, Notice>;
/// Where a step appends what it tells, in order.
using Events = std::vector<DiscoveryEvent>;

struct Counters {
  std::uint64_t syncs_started = 0, syncs_completed = 0, syncs_failed = 0, syncs_served = 0;
  std::uint64_t pings_served = 0, entries_refused = 0;
};

}  // namespace mosaik::discovery
