#pragma once
/// The truth of the world, which no node knows: who lived when, which sessions had which ends, which entries were
/// really signed. Invariants compare what nodes say with it.

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <mosaik/types/event.hpp>

#include "identity/entry.hpp"
#include "sim/world/host.hpp"

namespace mosaik::sim {

/// One run of one process.
struct Life {
  HostId host;
  std::string name;  ///< host and incarnation
  PeerId id;
  Software software{};
  std::string network;
  std::string secret;
  std::optional<std::string> second_secret;
  Mono born{};
  std::optional<Mono> died;
  std::int64_t started = 0;
  std::set<GroupId> groups;   ///< joined, and not left
  bool leaving = false;       ///< told to leave it
  std::optional<Term> leads;  ///< its group

  struct Tie {
    SessionId session;
    Mono up{};
  };
  std::map<std::pair<GroupId, PeerId>, Tie> bonds;
  std::map<PeerId, EntryVersion> catalog;         ///< newest that it told of
  std::map<PeerId, EntryVersion> catalog_before;  ///< before its last turn
  std::map<PeerId, EntryVersion> buried;          ///< last words of runs that it knows to have signed off, and
  std::map<PeerId, Mono> buried_at;
  std::uint64_t last_sequence = 0;
  std::uint64_t ups = 0, downs = 0, false_alarms = 0;
};

/// One establishment of a bond, by its exporter value.
struct Session {
  struct End {
    Life* life = nullptr;
    PeerId peer;
    GroupId group;
    Mono up{};
    std::optional<Mono> down;
    std::string by;
  };
  std::deque<End> ends;
  [[nodiscard]] const End* other(const Life& life) const {
    for (const End& end : ends)
      if (end.life != &life) return &end;
    return nullptr;
  }
  [[nodiscard]] End* of(const Life& life) {
    for (End& end : ends)
      if (end.life == &life) return &end;
    return nullptr;
  }
};

struct Alarms {
  std::uint64_t proven = 0, presumed = 0, false_presumed = 0;
};

class Truth {
 public:
  Life& born(const Host& host, const Now& now, Mono time);
  void died(const Host& host, Mono time);
  /// The life of the process that runs on the host now, or ran there last.
  [[nodiscard]] Life& life(const Host& host) { return *current_.at(host.id); }
  [[nodiscard]] const Life& life(const Host& host) const { return *current_.at(host.id); }

  /// Books what a process tells; returns what it contradicts, or nothing.
  void signed_entry(const identity::EntryRef& entry) { entries_.insert(entry->digest); }
  [[nodiscard]] bool was_signed(const Digest& digest) const { return entries_.contains(digest); }

  [[nodiscard]] Session* session(const SessionId& id) {
    const auto found = sessions_.find(id);
    return found == sessions_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const Session* session(const SessionId& id) const {
    const auto found = sessions_.find(id);
    return found == sessions_.end() ? nullptr : &found->second;
  }
  Session& session_for(const SessionId& id) { return sessions_[id]; }
  [[nodiscard]] const std::deque<Life>& lives() const noexcept { return lives_; }
  [[nodiscard]] const std::map<HostId, Life*>& current() const noexcept { return current_; }

  Alarms alarms;

 private:
  std::deque<Life> lives_;
  std::map<HostId, Life*> current_;
  std::map<SessionId, Session> sessions_;
  std::set<Digest> entries_;
};

}  // namespace mosaik::sim
