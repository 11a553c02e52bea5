#include "quic/inbox.hpp"

#include <utility>

#include "base/limits.hpp"

namespace mosaik::quic {

Inbox::Inbox() : reader_(limits::handshake_frame) {}

void Inbox::on_data(BytesView bytes) {
  received_ += bytes.size();
  news_ = true;
  if (oversized_told_) return;
  uncredited_ += bytes.size();
  // An oversized frame is reported by next(), by the limit that holds when it comes to the front.
  static_cast<void>(reader_.feed(bytes));
}

void Inbox::on_end(bool whole) noexcept {
  if (end_ != End::none) return;
  end_ = whole ? End::clean : End::broken;
  news_ = true;
}

std::optional<LinkEvent> Inbox::next(LinkId link) {
  if (oversized_told_) return std::nullopt;
  if (const std::optional<BytesView> payload = reader_.next()) return LinkFrame{link, *payload};
  if (reader_.oversized()) {
    oversized_told_ = true;
    return LinkOversized{link};
  }
  if (end_ == End::clean || end_ == End::broken) {
    const bool clean = end_ == End::clean && reader_.at_boundary();
    end_ = End::told;
    return LinkEnded{link, clean};
  }
  return std::nullopt;
}

std::size_t Inbox::take_credit() noexcept {
  // After an oversized frame the peer gets no more credit: its owner is about to close the link.
  return oversized_told_ ? 0 : std::exchange(uncredited_, 0);
}

bool Inbox::take_news() noexcept {
  return std::exchange(news_, false);
}

}  // namespace mosaik::quic
