#pragma once
/// StateKeeper: when the node's memory is written to its state file. Used on the loop's thread only.

#include <optional>
#include <string>

#include "node/node.hpp"
#include "runtime/completion.hpp"
#include "runtime/inbox.hpp"
#include "runtime/state_writer.hpp"

namespace mosaik::runtime {

class StateKeeper {
 public:
  /// `node` outlives this. An empty path: nothing is kept. Saved::no: what the node begins with is still to be written.
  StateKeeper(node::Node& node, std::string path, Saved saved, const std::shared_ptr<Inbox>& inbox, const Now& now);

  void keep_due(const Now& now);
  /// Whether it is due or not; returns what waits until all is written.
  [[nodiscard]] Task keep_at_end(const Now& now);
  [[nodiscard]] Mono next_deadline() const noexcept { return due_; }

 private:
  void note_changes(const Now& now);
  void put(const Now& now);

  node::Node& node_;
  std::optional<StateWriter> writer_;
  Mono due_ = never;
};

}  // namespace mosaik::runtime
