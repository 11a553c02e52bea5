#include "transport/quic/connection/outbox.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace mosaik::quic {
namespace {

constexpr std::array<std::size_t, 4> class_limits = {limits::liveness_queue, limits::consensus_queue,
                                                     limits::catalog_queue, limits::bulk_queue};

}  // namespace

SendResult Outbox::push(SendClass kind, const Frame& frame) {
  MOSAIK_ASSERT(static_cast<bool>(frame));
  if (abandoned_) return SendResult::closed;
  Class& queue = waiting_[static_cast<std::size_t>(kind)];
  const std::size_t size = frame.wire().size();
  // An empty queue takes any frame: otherwise one as long as the limit could never be sent.
  if (queue.bytes > 0 && queue.bytes + size > class_limits[static_cast<std::size_t>(kind)]) return SendResult::full;
  queue.frames.push_back(frame);
  queue.bytes += size;
  return SendResult::queued;
}

bool Outbox::choose() {
  for (Class& queue : waiting_) {
    if (queue.frames.empty()) continue;
    current_left_ = queue.frames.front().wire().size();
    queue.bytes -= current_left_;
    flying_.push_back({std::move(queue.frames.front()), sent_ + current_left_});
    queue.frames.pop_front();
    return true;
  }
  return false;
}

BytesView Outbox::next() {
  const std::uint64_t outstanding = sent_ - acknowledged_;
  if (outstanding >= limits::quic_window) return {};
  if (current_left_ == 0 && !choose()) return {};
  const std::size_t room = limits::quic_window - static_cast<std::size_t>(outstanding);
  const BytesView wire = flying_.back().frame.wire();
  return wire.subspan(wire.size() - current_left_, std::min(room, current_left_));
}

void Outbox::sent(std::size_t bytes) {
  MOSAIK_ASSERT(bytes <= current_left_);
  current_left_ -= bytes;
  sent_ += bytes;
}

void Outbox::acknowledged(std::uint64_t offset) {
  acknowledged_ = std::max(acknowledged_, std::min(offset, sent_));
  while (!flying_.empty() && flying_.front().end <= acknowledged_) flying_.pop_front();
}

void Outbox::abandon() {
  abandoned_ = true;
  for (Class& queue : waiting_) {
    queue.frames.clear();
    queue.bytes = 0;
  }
  current_left_ = 0;
  acknowledged_ = sent_;
}

std::size_t Outbox::waiting_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const Class& queue : waiting_) bytes += queue.bytes;
  return bytes;
}

void Outbox::check_invariants() const {
  for (const Class& queue : waiting_) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < queue.frames.size(); ++i) bytes += queue.frames.at(i).wire().size();
    // Protects the limit of a class: it is never full with nothing in it, nor does it grow beyond its limit.
    MOSAIK_ASSERT(bytes == queue.bytes);
  }
  // Protects limits::quic_window: what is with QUIC can be counted.
  MOSAIK_ASSERT(acknowledged_ <= sent_ && sent_ - acknowledged_ <= limits::quic_window);
  for (std::size_t i = 0; i + 1 < flying_.size(); ++i) {
    // Protects QUIC's pointers: a frame is dropped only when all of it has been acknowledged.
    MOSAIK_ASSERT(flying_.at(i).end < flying_.at(i + 1).end && (abandoned_ || flying_.at(i).end > acknowledged_));
  }
  // Protects the framing: only the last frame may be partly written, and the stream ends where its written part does.
  MOSAIK_ASSERT(abandoned_ || flying_.empty() || flying_.at(flying_.size() - 1).end == sent_ + current_left_);
  MOSAIK_ASSERT(!flying_.empty() || current_left_ == 0);
}

}  // namespace mosaik::quic
