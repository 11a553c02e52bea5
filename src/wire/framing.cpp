#include "wire/framing.hpp"

#include <algorithm>
#include <string>

#include "base/frame.hpp"
#include "base/limits.hpp"

namespace mosaik::wire {
namespace {

/// Payload length announced by the prefix at the front, once it has arrived.
std::optional<std::size_t> announced(BytesView unread) noexcept {
  if (unread.size() < Frame::header_size) return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < Frame::header_size; ++i) length = length << 8U | unread[i];
  return length;
}

}  // namespace

Result<> FrameReader::feed(BytesView bytes) {
  drop_consumed();
  if (!dead_) {
    // The prefix first: of an oversized frame nothing is kept but that.
    const std::size_t missing = Frame::header_size - std::min(Frame::header_size, unread().size());
    const BytesView prefix = bytes.first(std::min(missing, bytes.size()));
    buffer_.insert(buffer_.end(), prefix.begin(), prefix.end());
    bytes = bytes.subspan(prefix.size());
    dead_ = oversized();
  }
  if (dead_) {
    return fail(Errc::limit, "a frame of " + std::to_string(announced(unread()).value_or(0)) +
                                 " bytes was announced, more than the limit of " + std::to_string(limit_));
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return {};
}

std::optional<BytesView> FrameReader::next() {
  if (dead_ || oversized()) return std::nullopt;
  const std::optional<std::size_t> length = announced(unread());
  if (!length || unread().size() - Frame::header_size < *length) return std::nullopt;
  const BytesView payload = unread().subspan(Frame::header_size, *length);
  begin_ += Frame::header_size + *length;
  return payload;
}

BytesView FrameReader::begun() const noexcept {
  return dead_ || unread().size() <= Frame::header_size ? BytesView() : unread().subspan(Frame::header_size);
}

bool FrameReader::oversized() const noexcept {
  const std::optional<std::size_t> length = announced(unread());
  return length && *length > limit_;
}

void FrameReader::drop_consumed() {
  // Moving the rest only when at least half was consumed keeps the cost linear in what arrives.
  if (begin_ == 0 || begin_ < buffer_.size() - begin_) return;
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
  begin_ = 0;
  // A big frame must not leave its buffer behind on a quiet link; what a packet burst needs is kept.
  if (buffer_.empty() && buffer_.capacity() > limits::receive_step) std::vector<std::uint8_t>().swap(buffer_);
}

}  // namespace mosaik::wire
