#pragma once
/// Consensus board: the newest ConsensusStatus of one group, for any thread, without a lock shared with the loop's
/// work: a pointer that is exchanged. Watches on it live in the outlet (Outlet::reconsider shows them what is new).

#include <atomic>
#include <memory>
#include <mutex>

#include <mosaik/consensus_status.hpp>

namespace mosaik::runtime {

class ConsensusBoard {
 public:
  ConsensusBoard() : latest_(std::make_shared<const ConsensusStatus>()) {}

  void put(const ConsensusStatus& status) {
    auto next = std::make_shared<const ConsensusStatus>(status);
    const std::scoped_lock lock(mutex_);
    latest_.swap(next);
  }
  [[nodiscard]] std::shared_ptr<const ConsensusStatus> latest() const {
    const std::scoped_lock lock(mutex_);
    return latest_;
  }

  /// Somebody waits for a change: the outlet is worth waking for one. Counted, not flagged: watches come and go.
  void add_watch() noexcept { watches_.fetch_add(1); }
  void remove_watch() noexcept { watches_.fetch_sub(1); }
  [[nodiscard]] bool watched() const noexcept { return watches_.load() > 0; }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const ConsensusStatus> latest_;
  std::atomic<int> watches_ = 0;
};

}  // namespace mosaik::runtime
