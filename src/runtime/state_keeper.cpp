#include "runtime/state_keeper.hpp"

#include <utility>

#include "runtime/request_dispatcher.hpp"

namespace mosaik::runtime {
namespace {

constexpr Nanoseconds pause = 200ms;  // a mesh that forms is written down once
constexpr Nanoseconds retry = 10s;    // a full disk may have room by then

std::optional<StateWriter> open_writer(std::string path, const std::shared_ptr<Inbox>& inbox) {
  if (path.empty()) return std::nullopt;
  return StateWriter(std::move(path), [inbox](const std::string& text) {
    inbox->post([text](RequestDispatcher* dispatcher) {
      if (dispatcher != nullptr) dispatcher->warn(text);
    });
  });
}

}  // namespace

StateKeeper::StateKeeper(node::Node& node, std::string path, Saved saved, const std::shared_ptr<Inbox>& inbox,
                         const Now& now)
    : node_(node), writer_(open_writer(std::move(path), inbox)) {
  if (writer_ && saved == Saved::no) due_ = now.mono + retry;
}

void StateKeeper::note_changes(const Now& now) {
  if (node_.take_memory_changed() && due_ == never) due_ = now.mono + pause;
  if (writer_->failing() && due_ == never) due_ = now.mono + retry;
}

void StateKeeper::put(const Now& now) {
  due_ = writer_->failing() ? now.mono + retry : never;
  writer_->put(node_.memory());
}

void StateKeeper::keep_due(const Now& now) {
  if (!writer_) return;
  note_changes(now);
  if (due_ <= now.mono) put(now);
}

Task StateKeeper::keep_at_end(const Now& now) {
  if (!writer_) return {};
  note_changes(now);
  if (due_ != never) put(now);
  return writer_->wait();
}

}  // namespace mosaik::runtime
