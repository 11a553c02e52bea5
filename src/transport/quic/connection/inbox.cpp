#include "transport/quic/connection/inbox.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "base/limits.hpp"

namespace mosaik::quic {

Inbox::Inbox() : reader_(limits::handshake_frame) {}

void Inbox::on_data(BytesView bytes) {
  received_ += bytes.size();
  news_ = true;
  if (oversized_told_) return;
  uncredited_ += bytes.size();
  try {
    // An oversized frame is reported by next(), by the limit that holds when it comes to the front.
    static_cast<void>(reader_.feed(bytes));
  } catch (const std::bad_alloc&) {
    // The caller is a C library, which no exception may cross: the link ends, as if the peer had ended it.
    reader_ = wire::FrameReader(0);
    if (end_ == End::none) end_ = End::broken;
  }
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

std::optional<FrameHead> Inbox::take_growth() noexcept {
  if (std::exchange(growth_seen_, received_) == received_) return std::nullopt;
  const BytesView begun = reader_.begun();
  FrameHead head{};
  if (begun.size() < head.size()) return std::nullopt;
  std::ranges::copy(begun.first(head.size()), head.begin());
  return head;
}

bool Inbox::take_news() noexcept {
  return std::exchange(news_, false);
}

}  // namespace mosaik::quic
