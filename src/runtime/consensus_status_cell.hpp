#pragma once
/// Consensus board: the newest ConsensusStatus of one group, for any thread, without a lock shared with the loop's
/// work: a pointer that is exchanged. Watches on it live in the publisher (Publisher::reconsider shows them what is
/// new).

#include <atomic>
#include <memory>
#include <mutex>

#include <mosaik/types/consensus_status.hpp>

namespace mosaik::runtime {

class ConsensusStatusCell {
 public:
  ConsensusStatusCell() = default;
  ConsensusStatusCell(const ConsensusStatusCell&) = delete;
  ConsensusStatusCell& operator=(const ConsensusStatusCell&) = delete;
  ~ConsensusStatusCell() { delete slot_.load(); }

  /// The loop's side: one thread at a time, and it waits for nobody.
  void put(const ConsensusStatus& status) { delete slot_.exchange(new ConsensusStatus(status)); }
  /// Any other thread's side: readers meet one another behind the mutex, never the loop.
  [[nodiscard]] std::shared_ptr<const ConsensusStatus> latest() const {
    const std::scoped_lock lock(readers_);
    if (const std::unique_ptr<ConsensusStatus> newest(slot_.exchange(nullptr)); newest)
      latest_ = std::make_shared<const ConsensusStatus>(*newest);
    return latest_;
  }

  /// Somebody waits for a change: the publisher is worth waking for one. Counted, not flagged: watches come and go.
  void add_watch() noexcept { watches_.fetch_add(1); }
  void remove_watch() noexcept { watches_.fetch_sub(1); }
  [[nodiscard]] bool watched() const noexcept { return watches_.load() > 0; }

 private:
  mutable std::atomic<ConsensusStatus*> slot_ = nullptr;  ///< the newest that nobody has read
  mutable std::mutex readers_;
  mutable std::shared_ptr<const ConsensusStatus> latest_ = std::make_shared<const ConsensusStatus>();
  std::atomic<int> watches_ = 0;
};

}  // namespace mosaik::runtime
