// Discovery: only what was really signed, only what is newer, nothing from the dead.

#include <algorithm>
#include "base/limits.hpp"

#include "sim/world/world.hpp"

namespace mosaik::sim {

namespace {

/// The entry that an event tells of, as the process has it now; empty when it has it no more.
identity::EntryRef entry_of(const World& world, const Life& life, const Event& event) {
  if (event.kind != EventKind::peer_discovered && event.kind != EventKind::peer_updated) return {};
  const Host& host = world.host(life.host);
  for (const identity::EntryRef& entry : host.program->catalog(world.now_of(host)))
    if (entry->id() == event.peer) return entry;
  return {};
}

class OnlySignedEntries final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "discovery.only_signed_entries"; }
  Broken on_event(const World& world, const Life& life, const Event& event) override {
    const identity::EntryRef entry = entry_of(world, life, event);
    if (!entry) return std::nullopt;
    if (!world.truth().was_signed(entry->digest))
      return life.name + " believes an entry of " + world.name_of(event.peer) + " that it never signed";
    if (entry->entry.network != id_of<NetworkId>(life.network))
      return life.name + " believes an entry of another network";
    return std::nullopt;
  }
};

class OnlyNewerEntries final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "discovery.only_newer_entries"; }
  Broken on_event(const World& world, const Life& life, const Event& event) override {
    const identity::EntryRef entry = entry_of(world, life, event);
    const auto known = life.catalog.find(event.peer);
    if (!entry || event.kind != EventKind::peer_updated || known == life.catalog.end()) return std::nullopt;
    if (entry->entry.version < known->second)
      return life.name + " went back to an older entry of " + world.name_of(event.peer);
    return std::nullopt;
  }
};

/// Nothing of a run that has signed off returns, as long as the tombstone stands.
class NoResurrection final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "discovery.no_resurrection"; }
  Broken on_event(const World& world, const Life& life, const Event& event) override {
    const identity::EntryRef entry = entry_of(world, life, event);
    const auto buried = life.buried.find(event.peer);
    if (!entry || buried == life.buried.end()) return std::nullopt;
    if (entry->entry.version.started > buried->second.started) return std::nullopt;
    // The one way back within a run is to name a group again.
    if (entry->entry.version > buried->second && !entry->entry.groups.empty()) return std::nullopt;
    if (world.now() - life.buried_at.at(event.peer) > world.knobs().discovery.stale_after) return std::nullopt;
    return life.name + " believes again in a run of " + world.name_of(event.peer) + " that has signed off";
  }
};

/// At rest everyone knows everyone's newest entry.
class CatalogsMeet final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "discovery.catalogs_meet"; }
  Broken at_rest(const World& world, Mono) override {
    for (const auto& [host, life] : world.truth().current()) {
      if (life->died || life->software != Software::node) continue;
      const auto known = world.host(host).program->catalog(world.now_of(world.host(host)));
      for (const auto& [other_host, other] : world.truth().current()) {
        if (other == life || other->died || other->id == life->id || other->network != life->network) continue;
        // Who shares no group with us is heard of by the refreshes of minutes, and by chance earlier.
        if (!world.roster().should_bond(*life, *other)) continue;
        const Broken broken = compare(world, *life, known, *other);
        if (broken) return broken;
      }
    }
    return std::nullopt;
  }

 private:
  /// A node that lost its disk and whose clock was set back cannot know that it is the newer run: its bonds are made
  /// all the same, and its entry is taken when its predecessor's has gone stale.
  static bool is_younger_predecessor(const World& world, const Life& of, const identity::SignedEntry& entry) {
    const std::int64_t started = entry.entry.version.started;
    return started > of.started && std::ranges::any_of(world.truth().lives(), [&](const Life& life) {
             return life.host == of.host && life.died && life.started == started;
           });
  }
  static Broken compare(const World& world, const Life& life, const std::vector<identity::EntryRef>& known,
                        const Life& other) {
    const Host& host = world.host(other.host);
    const identity::EntryRef truth = host.program->own_entry();
    // What was signed a moment ago may be on its way.
    const bool fresh = truth->entry.version.updated > world.now_of(host).wall.milliseconds - 5000;
    for (const identity::EntryRef& entry : known) {
      if (entry->id() != other.id) continue;
      if (is_younger_predecessor(world, other, *entry)) return std::nullopt;
      if (entry->entry.version.started != truth->entry.version.started)
        return life.name + " knows another run of " + other.name;
      if (entry->entry.version != truth->entry.version && !fresh)
        return life.name + " knows an old entry of " + other.name;
      return std::nullopt;
    }
    return life.name + " does not know " + other.name;
  }
};

/// What a node keeps is bounded by who there is.
class CatalogsAreBounded final : public Invariant {
 public:
  [[nodiscard]] std::string_view name() const override { return "discovery.bounded"; }
  Broken on_event(const World& world, const Life& life, const Event& event) override {
    if (event.kind != EventKind::peer_discovered) return std::nullopt;
    const Host& host = world.host(life.host);
    const std::size_t known = host.program->catalog(world.now_of(host)).size();
    if (known <= world.hosts().size() + world.invented()) return std::nullopt;
    return life.name + " knows " + std::to_string(known) + " peers, and there are " +
           std::to_string(world.hosts().size());
  }
};

}  // namespace

void add_discovery_invariants(Invariants& out) {
  out.push_back(std::make_unique<OnlySignedEntries>());
  out.push_back(std::make_unique<OnlyNewerEntries>());
  out.push_back(std::make_unique<NoResurrection>());
  out.push_back(std::make_unique<CatalogsMeet>());
  out.push_back(std::make_unique<CatalogsAreBounded>());
}

}  // namespace mosaik::sim
