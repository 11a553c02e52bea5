#pragma once
/// PendingCalls: the calls that have not ended, and the completions that wait for the end of the turn.

#include <map>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "runtime/completion.hpp"

namespace mosaik::runtime {

class PendingCalls {
 public:
  /// Names a call.
  [[nodiscard]] consensus::CallId begin(Completion done) {
    const consensus::CallId id{++last_};
    if (done.at == CompleteAt::on_loop) ++on_loop_;
    open_.emplace_hint(open_.end(), id, std::move(done));
    return id;
  }
  /// The caller's code for the delivery thread; empty: nothing, or not yet.
  [[nodiscard]] Task end(consensus::CallId id, const consensus::Outcome& outcome) {
    auto found = open_.extract(id);
    if (!found) return {};
    Completion& done = found.mapped();
    if (done.at == CompleteAt::turn_end) return ended_.emplace_back(std::move(done), outcome), Task{};
    if (done.at == CompleteAt::on_loop) {
      MOSAIK_ASSERT(on_loop_ > 0);
      --on_loop_;
    }
    return done.run(outcome);
  }
  /// All calls end so; `run` gets the caller's code.
  template <class Run>
  void end_all(const consensus::Outcome& outcome, Run run) {
    while (!open_.empty())
      if (Task rest = end(open_.begin()->first, outcome)) run(std::move(rest));
  }
  /// The turn ends.
  template <class Run>
  void settle(Run run) {
    for (auto& [done, outcome] : std::exchange(ended_, {}))
      if (Task rest = done.run(outcome)) run(std::move(rest));
  }
  /// The caller's code of some call runs on the loop.
  [[nodiscard]] bool any_on_loop() const noexcept { return on_loop_ > 0; }

 private:
  std::map<consensus::CallId, Completion> open_;
  std::vector<std::pair<Completion, consensus::Outcome>> ended_;  ///< run at the end of the turn
  std::size_t on_loop_ = 0;                                       ///< of open_
  std::uint64_t last_ = 0;
};

}  // namespace mosaik::runtime
