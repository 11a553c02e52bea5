#pragma once
/// LinkStream: the one stream of a link, with what waits in both directions and the credit of the peer. Private to the
/// room.

#include <memory>
#include <utility>

#include "base/limits.hpp"
#include "transport/quic/connection/inbox.hpp"
#include "transport/quic/connection/outbox.hpp"

namespace mosaik::quic {

class LinkStream {
 public:
  // Credit of one stream: what a peer can make us hold out of order. More once its owner raised the frame limit, which
  // it does for proven members.
  static constexpr std::uint64_t stranger_window = 256U << 10U;
  static constexpr std::uint64_t member_window = 1U << 20U;

  /// The first stream that is opened is the link's; there is no other (our transport parameters allow none).
  [[nodiscard]] bool adopt(std::int64_t stream) noexcept {
    if (id_ < 0) id_ = stream;
    return id_ == stream;
  }
  [[nodiscard]] bool is_open() const noexcept { return id_ >= 0; }
  [[nodiscard]] bool is(std::int64_t stream) const noexcept { return id_ == stream; }
  [[nodiscard]] std::int64_t id() const noexcept { return id_; }

  [[nodiscard]] Inbox& inbox() noexcept { return *inbox_; }
  [[nodiscard]] const Inbox& inbox() const noexcept { return *inbox_; }
  [[nodiscard]] Outbox& outbox() noexcept { return outbox_; }
  [[nodiscard]] const Outbox& outbox() const noexcept { return outbox_; }
  /// The link has ended: what has arrived and was not read outlives it.
  [[nodiscard]] std::unique_ptr<Inbox> release_inbox() { return std::move(inbox_); }

  void set_frame_limit(std::size_t bytes) noexcept {
    inbox_->set_limit(bytes);
    if (bytes > limits::handshake_frame && window_ == Window::stranger) window_ = Window::member_due;
  }
  /// The link's owner has raised the limit of its frames.
  [[nodiscard]] bool is_proven() const noexcept { return window_ != Window::stranger; }
  /// What the peer may send more, now that all was read.
  [[nodiscard]] std::uint64_t take_credit() noexcept {
    std::uint64_t credit = inbox_->take_credit();
    if (window_ != Window::member_due || !is_open()) return credit;
    window_ = Window::member;
    return credit + member_window - stranger_window;
  }
  void check_invariants() const {
    // Protects the peer's framing: bytes go out on the one stream that it reads.
    MOSAIK_ASSERT(is_open() || outbox_.sent_bytes() == 0);
    // Protects the peer's larger window: it is given once, to a link whose owner has proven it.
    MOSAIK_ASSERT(window_ != Window::member || is_open());
    outbox_.check_invariants();
    if (inbox_) inbox_->check_invariants();
  }

 private:
  enum class Window : std::uint8_t {
    stranger,
    member_due,  ///< the larger one is given with the next credit
    member,
  };

  std::int64_t id_ = -1;
  std::unique_ptr<Inbox> inbox_ = std::make_unique<Inbox>();
  Outbox outbox_;
  Window window_ = Window::stranger;
};

}  // namespace mosaik::quic
