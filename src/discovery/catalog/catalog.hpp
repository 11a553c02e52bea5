#pragma once
/// Catalog: the newest entry of every peer, the rules by which entries come in, and the ways by which they leave.
///
/// In: our network, not our id, not dated beyond the drift bound, not stale, not below a tombstone, strictly newer than
/// what is known (spec: discovery 1.14, 2.2, 8 W4, W9). Out: stale, signed off, or pushed out by others at a limit.
///
/// Stale is judged twice: by the entry's date against the wall clock, and by the time since receipt against the boot
/// clock, so that a wall clock that jumps back keeps no dead peer alive.
///
/// Who leaves first at a limit: peers of the lowest standing, among them the longest unheard. Nobody is pushed out by a
/// newcomer of lower standing, and a bonded peer by nobody: strangers can only displace strangers.

#include <array>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "identity/entry.hpp"

namespace mosaik::discovery {

struct CatalogRules {
  NetworkId network;
  PeerId self;
  Nanoseconds stale_after{};
  Nanoseconds clock_drift{};
  std::size_t entries = 0;
  std::size_t bytes = 0;
  std::size_t tombstones = 0;
};

/// What we know of a peer beyond its entry; greater stays longer.
enum class Standing : std::uint8_t {
  heard_of,   ///< only others told us
  contacted,  ///< it spoke with us itself
  bonded,
};

enum class Verdict : std::uint8_t {
  added,
  updated,
  not_news,  ///< the known version, or an older one
  own_id,
  wrong_network,
  from_the_future,
  stale,
  departed,  ///< at or below a tombstone
  full,
};

class Catalog {
 public:
  explicit Catalog(const CatalogRules& rules) : rules_(rules) {}

  /// What merge would say, but for `full`. Needs no verified entry: asked first, it saves verifications.
  [[nodiscard]] Verdict judge(const PeerEntry& entry, const Now& now) const;

  struct Merged {
    Verdict verdict{};
    bool new_run = false;                     ///< updated: the peer is another incarnation, it knows nothing of before
    std::vector<identity::EntryRef> evicted;  ///< these left to make room
  };
  /// `standing` raises that of a known peer, never lowers it.
  Merged merge(const identity::EntryRef& entry, Standing standing, const Now& now);

  /// Sets the standing of a known peer.
  void set_standing(const PeerId& peer, Standing standing);
  /// Raises it.
  void raise_standing(const PeerId& peer, Standing standing);

  /// The run that began at `started` has said goodbye: nothing of it returns. The entry that left, if it was of that
  /// run. When that entry named no group any more, the run may come back in one way: by a newer entry that names one.
  identity::EntryRef depart(const PeerId& peer, std::int64_t started, const Now& now);
  /// Takes out what went stale; forgets tombstones that have done their work.
  std::vector<identity::EntryRef> purge(const Now& now);

  /// Stale entries are not found.
  [[nodiscard]] identity::EntryRef find(const PeerId& peer, const Now& now) const;
  /// The run of the known entry; 0 when there is none.
  [[nodiscard]] std::int64_t started_of(const PeerId& peer) const;
  /// All that are not stale, ascending by id.
  [[nodiscard]] std::vector<identity::EntryRef> entries(const Now& now) const;
  /// What a snapshot holds: `own` and the others that are not stale, ascending by id, within both limits. When not all
  /// fit, those that would be pushed out first are left out (limits::snapshot_entries, limits::sync_frame).
  [[nodiscard]] std::vector<identity::EntryRef> selection(const identity::EntryRef& own, std::size_t most_entries,
                                                          std::size_t most_bytes, const Now& now) const;

  /// How long until the next entry goes stale, if both clocks go on evenly; nothing earlier than 0.
  [[nodiscard]] Nanoseconds next_stale(const Now& now) const;
  [[nodiscard]] bool empty() const noexcept { return records_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return records_.size(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::size_t tombstones() const noexcept { return tombstones_.size(); }
  [[nodiscard]] std::optional<Standing> standing_of(const PeerId& peer) const;
  /// The number of entries of this standing.
  [[nodiscard]] std::size_t count(Standing standing) const {
    return by_heard_[static_cast<std::size_t>(standing)].size();
  }
  /// Changes whenever an entry comes or goes.
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

  void check_invariants() const;

 private:
  struct Record {
    identity::EntryRef entry;
    Boot heard;  ///< receipt of this version
    Standing standing{};
  };
  struct Tombstone {
    EntryVersion floor;  ///< this version and all below are refused
    Boot until;
    std::optional<EntryVersion>
        last_words;  ///< its last words, which named no group: a newer entry with one is welcome
  };
  using Records = std::map<PeerId, Record>;

  [[nodiscard]] bool is_stale(const PeerEntry& entry, const Now& now) const;
  [[nodiscard]] bool is_stale(const Record& record, const Now& now) const;
  /// Those that must leave so that `bytes` more and `entries` more fit; empty optional when nobody may be made to
  /// leave.
  [[nodiscard]] std::optional<std::vector<PeerId>> victims(const PeerId& newcomer, Standing standing,
                                                           std::size_t entries, std::size_t bytes) const;
  void insert(const identity::EntryRef& entry, Standing standing, const Now& now);
  identity::EntryRef take_out(const PeerId& peer);
  [[nodiscard]] bool is_buried(const PeerEntry& entry, const Now& now) const;
  Tombstone* bury(const PeerId& peer, const EntryVersion& floor, const Now& now);

  CatalogRules rules_;
  Records records_;
  std::size_t bytes_ = 0;
  std::uint64_t generation_ = 0;
  std::set<std::pair<std::int64_t, PeerId>> by_date_;          ///< entry's `updated`
  std::array<std::set<std::pair<Boot, PeerId>>, 3> by_heard_;  ///< one set a standing
  std::map<PeerId, Tombstone> tombstones_;
  std::set<std::pair<Boot, PeerId>> tombstones_by_end_;
};

}  // namespace mosaik::discovery
