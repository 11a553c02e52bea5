#pragma once
/// What a sync says and what it brings (spec: discovery 3): our catalog snapshot, and the merge of theirs.

#include <span>

#include "base/frame.hpp"
#include "discovery/catalog/entry_validation.hpp"
#include "discovery/catalog/peer_directory.hpp"
#include "discovery/sync/sync_scheduler.hpp"

namespace mosaik::discovery {

class CatalogSync {
 public:
  CatalogSync(PeerDirectory& peers, EntryValidation& validation, FramePool& pool)
      : peers_(peers), validation_(validation), pool_(pool) {}

  [[nodiscard]] Frame frame(const Now& now, Scope scope);
  /// The result of a sync that brought this snapshot, by what became of the sender's own entry.
  struct Merged {
    Result<> result;
    bool cut_short = false;  ///< the budget for signatures was used up before its end
  };
  Merged merge(const Now& now, const PeerId& from, const CatalogSnapshot& snapshot, Events& events);

 private:
  [[nodiscard]] Frame encode(std::span<const identity::EntryRef> entries);
  [[nodiscard]] Frame catalog_frame(const Now& now);

  /// Kept as long as it is true: a storm of joiners is answered from one frame.
  struct Cached {
    Frame frame;
    std::uint64_t generation = 0;  ///< of the catalog
    Digest own;
    Mono until{};
  };

  PeerDirectory& peers_;
  EntryValidation& validation_;
  FramePool& pool_;
  Cached cached_;
};

}  // namespace mosaik::discovery
