#pragma once
/// Frame: a pooled, counted, immutable block of bytes that holds one length-delimited message.
///
/// A message is encoded once, queued on any number of links, and its block goes back to the pool when the last
/// link has seen it acknowledged. Blocks come from the FramePool that made them; the pool must outlive them.
/// Frames never leave the loop's thread: the count is not atomic.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <mosaik/types/bytes.hpp>

namespace mosaik {

class FramePool;

class Frame {
 public:
  /// Length of the prefix in front of the payload: u32, big endian (spec: groups 1.3).
  static constexpr std::size_t header_size = 4;

  Frame() noexcept = default;
  Frame(const Frame& other) noexcept;
  Frame(Frame&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Frame& operator=(Frame other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Frame();

  [[nodiscard]] explicit operator bool() const noexcept { return block_ != nullptr; }
  /// The length prefix and the payload: what goes on the stream.
  [[nodiscard]] BytesView wire() const noexcept;
  /// The payload alone.
  [[nodiscard]] BytesView payload() const noexcept { return wire().subspan(header_size); }

 private:
  friend class FramePool;
  struct Block;
  explicit Frame(Block* block) noexcept : block_(block) {}
  Block* block_ = nullptr;
};

/// Keeps blocks of a few sizes for reuse, a bounded number of each; larger frames are allocated each time.
/// One a node; not thread-safe.
class FramePool {
 public:
  FramePool() = default;
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;
  ~FramePool();

  /// A frame with a copy of `payload` behind its length prefix.
  [[nodiscard]] Frame make(BytesView payload);

 private:
  friend class Frame;
  static constexpr std::size_t classes = 3;
  void release(Frame::Block* block) noexcept;
  [[nodiscard]] Frame::Block* take(std::size_t wire_size);
  std::vector<Frame::Block*> free_[classes];
  std::size_t out_ = 0;  // blocks that frames hold now
};

}  // namespace mosaik
