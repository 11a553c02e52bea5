#pragma once
/// What one link has received and its owner has not yet taken. Credit is given back to the peer only when the owner has
/// taken every whole frame, so that what waits here is bounded by the flow control window and one frame.

#include <optional>

#include "link/link.hpp"
#include "transport/quic/connection/reading_budget.hpp"
#include "wire/framing.hpp"

namespace mosaik::quic {

class Inbox {
 public:
  Inbox();

  void on_data(BytesView bytes);
  /// The peer finished (`whole`) or reset its sending side.
  void on_end(bool whole) noexcept;
  void set_limit(std::size_t bytes) noexcept { reader_.set_limit(bytes); }

  /// The next LinkFrame, LinkOversized or LinkEnded; nothing when all was taken.
  [[nodiscard]] std::optional<LinkEvent> next(LinkId link);
  /// Bytes that were taken, or belong to a frame still incomplete, since the last call: the credit to give back.
  /// Call when next() has given nothing.
  [[nodiscard]] std::size_t take_credit() noexcept;
  /// True once after something arrived.
  [[nodiscard]] bool take_news() noexcept;
  /// The first bytes of a frame that has grown since the last call and is not complete. Call when next() has given
  /// nothing.
  [[nodiscard]] std::optional<FrameHead> take_growth() noexcept;
  [[nodiscard]] std::uint64_t received() const noexcept { return received_; }
  /// Bytes of memory that it takes, about.
  [[nodiscard]] std::size_t held() const noexcept { return reader_.buffered(); }
  [[nodiscard]] ReadingBudget& budget() noexcept { return budget_; }
  void check_invariants() const {
    // Protects the connection's credit: what is given back was taken before.
    MOSAIK_ASSERT(uncredited_ <= received_);
    // Protects LinkGrowing: growth is told of bytes that have come.
    MOSAIK_ASSERT(growth_seen_ <= received_);
  }

 private:
  enum class End : std::uint8_t { none, clean, broken, told };

  wire::FrameReader reader_;
  ReadingBudget budget_;
  std::uint64_t received_ = 0;
  std::uint64_t growth_seen_ = 0;  ///< of received_
  std::size_t uncredited_ = 0;
  End end_ = End::none;
  bool oversized_told_ = false;
  bool news_ = false;
};

}  // namespace mosaik::quic
