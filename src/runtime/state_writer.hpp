#pragma once
/// Writes a node's memory to its state file, on a thread that lives as long as there is something to write: a busy disk
/// may need seconds until a file is safe on it, and neither the loop nor the delivery thread should wait for that.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "node/persisted_state.hpp"

namespace mosaik::runtime {

/// Whether the memory that a node begins with is on the disk.
enum class Saved : std::uint8_t { no, yes };

class StateWriter {
 public:
  /// `failed` is called on the writing thread with the words of an error: once for all failures in a row.
  StateWriter(std::string path, std::function<void(const std::string&)> failed);

  /// From one thread. Does not wait. A memory that still waits to be written is replaced.
  void put(node::Memory memory);
  /// What was put last is not on the disk: put it again, there may be room by then.
  [[nodiscard]] bool failing() const;
  /// Waits until all that was put is written; may be called after this object's end.
  [[nodiscard]] std::function<void()> wait() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mosaik::runtime
