#pragma once
/// EventReader: gives an endpoint's events to its owner, a fair part of the frames in each turn. Private to the room.

#include "transport/quic/connection/reading_budget.hpp"
#include "transport/quic/endpoint/connection_table.hpp"

namespace mosaik::quic {

class EventReader {
 public:
  EventReader(Shared& shared, ConnectionTable& connections) noexcept : shared_(shared), connections_(connections) {}

  /// The next event of the turn `now`, oldest first.
  [[nodiscard]] std::optional<LinkEvent> next(Mono now);
  /// When what was put off is read.
  [[nodiscard]] Mono due() const noexcept { return due_; }

 private:
  /// What becomes of a mark that was looked at.
  enum class Fate : std::uint8_t {
    done,    ///< there is nothing more
    unread,  ///< all links together have had their part of this turn, and this one nothing of it
    aside,   ///< the link has had its part
  };
  [[nodiscard]] std::optional<LinkEvent> next_of(EventQueue& queue, Mono now);
  /// What there is to read now.
  [[nodiscard]] std::optional<LinkEvent> read(Inbox& inbox, LinkId link, Mono now, Fate& fate);
  [[nodiscard]] std::optional<LinkEvent> take_frames(FramesReady ready, Mono now, Fate& fate);
  [[nodiscard]] std::optional<LinkEvent> take_rest(LinkId ended, Mono now, Fate& fate);
  void resume(Mono now);

  Shared& shared_;
  ConnectionTable& connections_;
  EventQueue unread_;   // what is read in the next turn before all others,
  EventQueue aside_;    // and behind them
  EventQueue resumed_;  // both, when that turn has come
  Mono due_ = never;
  TurnBudget turn_{limits::frames_per_turn, limits::frame_bytes_per_turn};
};

}  // namespace mosaik::quic
