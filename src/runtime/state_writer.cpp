#include "runtime/state_writer.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "posix/thread.hpp"
#include "runtime/state_file.hpp"

namespace mosaik::runtime {

struct StateWriter::State {
  std::string path;
  std::function<void(const std::string&)> failed;
  std::mutex mutex;
  std::condition_variable written;
  std::optional<node::Memory> next;
  bool running = false;  ///< a thread writes, and will look at `next` again
  bool failing = false;

  void write() {
    std::unique_lock lock(mutex);
    while (next) {
      const node::Memory memory = std::move(*next);
      next.reset();
      lock.unlock();
      const auto saved = save_state(path, memory);
      lock.lock();
      if (std::exchange(failing, !saved) || saved) continue;
      lock.unlock();
      failed(saved.error().message);
      lock.lock();
    }
    running = false;
    written.notify_all();
  }
};

StateWriter::StateWriter(std::string path, std::function<void(const std::string&)> failed)
    : state_(std::make_shared<State>()) {
  state_->path = std::move(path);
  state_->failed = std::move(failed);
}

void StateWriter::put(node::Memory memory) {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->next = std::move(memory);
    if (std::exchange(state_->running, true)) return;
  }
  auto thread = start_thread("mosaik-state", [state = state_] { state->write(); });
  if (thread) return thread->detach();
  bool again = false;
  {
    const std::scoped_lock lock(state_->mutex);
    again = std::exchange(state_->failing, true);
    state_->next.reset();
    state_->running = false;
    state_->written.notify_all();
  }
  if (!again) state_->failed("state file '" + state_->path + "' is not written: " + thread.error().message);
}

bool StateWriter::failing() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->failing;
}

std::function<void()> StateWriter::wait() const {
  return [state = state_] {
    std::unique_lock lock(state->mutex);
    state->written.wait(lock, [&] { return !state->running; });
  };
}

}  // namespace mosaik::runtime
