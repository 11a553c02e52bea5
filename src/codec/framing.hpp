#pragma once
/// Cuts frames out of a byte stream: u32 big-endian length, then the payload (spec: groups 1.3).
/// Grows by what has arrived, never by what was announced.

#include <cstddef>
#include <optional>
#include <vector>

#include <mosaik/bytes.hpp>
#include <mosaik/result.hpp>

namespace mosaik::codec {

class FrameReader {
 public:
  explicit FrameReader(std::size_t limit) noexcept : limit_(limit) {}

  /// Takes bytes from the stream. Errors: limit, once a length beyond the limit is seen; the reader is then dead.
  [[nodiscard]] Result<> feed(BytesView bytes);
  /// The next whole payload; valid until the next call of feed or next. Empty optional: none is whole yet.
  [[nodiscard]] std::optional<BytesView> next();
  /// True between two frames: nothing of a next frame has arrived.
  [[nodiscard]] bool at_boundary() const noexcept { return begin_ == buffer_.size(); }
  void set_limit(std::size_t limit) noexcept { limit_ = limit; }

 private:
  std::size_t limit_;
  std::vector<std::uint8_t> buffer_;
  std::size_t begin_ = 0;
};

}  // namespace mosaik::codec
