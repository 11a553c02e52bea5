#pragma once
/// How much of what has arrived is handed up before everything else of a turn has been done: other links, timers,
/// writing. A turn is all that happens at one moment of the caller's clock.
///
/// Without it one peer that sends small frames as fast as it goes would keep the loop busy for longer than a failure
/// detector waits, and others would be taken for dead.

#include "base/limits.hpp"
#include "base/token_bucket.hpp"

namespace mosaik::quic {

/// Frames, and bytes of them, of one turn.
class TurnBudget {
 public:
  TurnBudget(std::size_t frames, std::size_t bytes) noexcept : most_frames_(frames), most_bytes_(bytes) {}

  [[nodiscard]] bool left(Mono turn) noexcept {
    if (turn != turn_) {
      turn_ = turn;
      frames_ = bytes_ = 0;
    }
    return frames_ < most_frames_ && bytes_ < most_bytes_;
  }
  [[nodiscard]] bool spent_some(Mono turn) const noexcept { return turn == turn_ && frames_ > 0; }
  void spend(std::size_t bytes) noexcept {
    ++frames_;
    bytes_ += bytes;
  }

 private:
  std::size_t most_frames_;
  std::size_t most_bytes_;
  std::size_t frames_ = 0;
  std::size_t bytes_ = 0;
  Mono turn_{};
};

/// What one link may hand up: so much of a turn, and a rate.
class ReadingBudget {
 public:
  /// When the next frame may be handed up; `turn` itself: now.
  [[nodiscard]] Mono due(Mono turn) noexcept {
    if (!rate_.ready(turn)) return std::max(rate_.ready_at(), turn + limits::reading_pause);
    return turn_.left(turn) ? turn : turn + Nanoseconds(1);
  }
  /// The link has handed something up in this turn.
  [[nodiscard]] bool had_part(Mono turn) const noexcept { return turn_.spent_some(turn); }
  void spend(Mono turn, std::size_t bytes) noexcept {
    turn_.spend(bytes);
    rate_.spend(turn, 1 + bytes / limits::frame_unit);
  }

 private:
  TurnBudget turn_{limits::link_frames_per_turn, limits::link_bytes_per_turn};
  TokenBucket rate_{limits::link_frames_burst, limits::link_frames_rate, Mono{}};
};

}  // namespace mosaik::quic
