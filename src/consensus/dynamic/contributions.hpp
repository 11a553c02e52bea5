#pragma once
/// What each other member has put into a leader's log, so that none of them takes all the room that there is.
///
/// The law of fair shares: a member may have as much as it leaves free for all others. One that writes without end gets
/// half of the room, two get a third each, and there is always room for one that has written little.

#include <algorithm>
#include <deque>
#include <map>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "consensus/dynamic/messages.hpp"

namespace mosaik::consensus {

/// Whether `more` on top of `own` is fair, when `used` of `most` is taken.
[[nodiscard]] inline bool is_fair(std::size_t own, std::size_t more, std::size_t used, std::size_t most) noexcept {
  return used <= most && more <= most - used && own <= most - used - more;
}

class Contributions {
 public:
  struct Part {
    std::size_t log = 0;          ///< bytes appended by this leader, in this term
    std::size_t uncommitted = 0;  ///< of which so many are not committed
  };

  [[nodiscard]] Part of(const PeerId& from) const {
    const auto found = parts_.find(from);
    return found == parts_.end() ? Part{} : found->second;
  }
  void appended(const PeerId& from, Index last, std::size_t bytes) {
    MOSAIK_ASSERT(waiting_.empty() || waiting_.back().last < last);  // in the order of the log
    Part& part = parts_[from];
    part.log += bytes;
    part.uncommitted += bytes;
    waiting_.push_back({from, last, bytes});
    if (parts_.size() > limits::contributors) forget_one();
  }
  void committed(Index index) {
    for (; !waiting_.empty() && waiting_.front().last <= index; waiting_.pop_front())
      if (const auto found = parts_.find(waiting_.front().from); found != parts_.end())
        found->second.uncommitted -= std::min(found->second.uncommitted, waiting_.front().bytes);
  }

  void check_invariants() const {
    // Protects fair shares: what a member is charged with is what it put in, and no more of it waits than that.
    for (const auto& [peer, part] : parts_) MOSAIK_ASSERT(part.uncommitted <= part.log);
    MOSAIK_ASSERT(parts_.size() <= limits::contributors && (!parts_.empty() || waiting_.empty()));
  }

 private:
  struct Waiting {
    PeerId from;
    Index last;
    std::size_t bytes = 0;
  };

  /// The one that has put in least.
  void forget_one() {
    auto least = parts_.begin();
    for (auto at = parts_.begin(); at != parts_.end(); ++at)
      if (at->second.log < least->second.log) least = at;
    parts_.erase(least);
  }

  std::map<PeerId, Part> parts_;
  std::deque<Waiting> waiting_;  ///< in the order of the log; limits::uncommitted_entries
};

}  // namespace mosaik::consensus
