#pragma once
/// What one link still has to send, and what it has sent and not yet seen acknowledged.
///
/// Frames wait in one queue a class. The most urgent frame is chosen only when the one before it is wholly written, so
/// that a ping waits for at most the rest of one frame. At most limits::quic_window bytes are with QUIC at a time: what
/// is handed over cannot be overtaken. QUIC keeps pointers into frames until they are acknowledged, so they stay
/// referenced.

#include <array>
#include <cstdint>

#include "base/frame.hpp"
#include "link/link.hpp"
#include "transport/quic/connection/ring.hpp"

namespace mosaik::quic {

class Outbox {
 public:
  [[nodiscard]] SendResult push(SendClass kind, const Frame& frame);
  /// The next bytes for the stream, all of one frame; empty when there are none or the window is used up.
  [[nodiscard]] BytesView next();
  /// QUIC took `bytes` of what next() gave.
  void sent(std::size_t bytes);
  /// Everything before this offset of the stream has arrived.
  void acknowledged(std::uint64_t offset);
  /// The stream can carry nothing more: drops what waits.
  void abandon();

  /// Nothing is left that the peer has not acknowledged.
  [[nodiscard]] bool settled() const noexcept { return abandoned_ || (flying_.empty() && waiting_bytes() == 0); }
  /// Bytes not yet handed to QUIC.
  [[nodiscard]] std::size_t unsent() const noexcept { return waiting_bytes() + current_left_; }
  /// Of one class, without the frame that is being written.
  [[nodiscard]] std::size_t waiting(SendClass kind) const noexcept {
    return waiting_[static_cast<std::size_t>(kind)].bytes;
  }
  [[nodiscard]] std::uint64_t sent_bytes() const noexcept { return sent_; }
  void check_invariants() const;

 private:
  static constexpr std::size_t classes = 4;
  struct Class {
    Ring<Frame> frames;
    std::size_t bytes = 0;
  };
  struct Flying {
    Frame frame;
    std::uint64_t end = 0;  // offset of the stream behind the frame
  };

  [[nodiscard]] std::size_t waiting_bytes() const noexcept;
  [[nodiscard]] bool choose();

  std::array<Class, classes> waiting_;
  Ring<Flying> flying_;           // in the order of the stream; the last may be partly written
  std::size_t current_left_ = 0;  // bytes of flying_.back() that QUIC has not taken
  std::uint64_t sent_ = 0;
  std::uint64_t acknowledged_ = 0;
  bool abandoned_ = false;
};

}  // namespace mosaik::quic
