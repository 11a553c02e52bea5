#pragma once
/// Cuts frames out of a byte stream: u32 big-endian length, then the payload (spec: groups 1.3).
/// Grows by what has arrived, never by what was announced.

#include <cstddef>
#include <optional>
#include <vector>

#include <mosaik/types/bytes.hpp>
#include <mosaik/types/result.hpp>

namespace mosaik::wire {

class FrameReader {
 public:
  explicit FrameReader(std::size_t limit) noexcept : limit_(limit) {}

  /// Takes bytes from the stream. Errors: limit, when the frame at the front announces more than the limit; the reader
  /// is then dead. A frame further back is judged when it comes to the front, by the limit that then holds: what
  /// follows a handshake in the same packet is not measured by the handshake's limit.
  [[nodiscard]] Result<> feed(BytesView bytes);
  /// The next whole payload; valid until the next call of feed or next. Empty optional: none is whole yet.
  [[nodiscard]] std::optional<BytesView> next();
  /// True when next() is empty because the frame at the front is beyond the limit.
  [[nodiscard]] bool oversized() const noexcept;
  /// What has arrived of the payload at the front.
  [[nodiscard]] BytesView begun() const noexcept;
  /// Bytes that wait here.
  [[nodiscard]] std::size_t buffered() const noexcept { return buffer_.size(); }
  /// True between two frames: nothing of a next frame has arrived.
  [[nodiscard]] bool at_boundary() const noexcept { return begin_ == buffer_.size(); }
  void set_limit(std::size_t limit) noexcept { limit_ = limit; }

 private:
  [[nodiscard]] BytesView unread() const noexcept { return BytesView(buffer_).subspan(begin_); }
  void drop_consumed();

  std::size_t limit_;
  std::vector<std::uint8_t> buffer_;
  std::size_t begin_ = 0;
  bool dead_ = false;
};

}  // namespace mosaik::wire
