#include "base/frame.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <new>

#include "base/assert.hpp"

namespace mosaik {
namespace {

/// Sizes of block that are kept, with the length prefix, and how many of each: pings and votes; entries and small
/// batches; what one QUIC window holds. At most 2.3 MiB lie idle.
struct SizeClass {
  std::size_t bytes;
  std::size_t kept;
};
constexpr std::array<SizeClass, 3> size_classes = {{{256, 1024}, {4096, 256}, {65536, 16}}};

}  // namespace

/// The head of a block; its bytes stand right behind it.
struct Frame::Block {
  FramePool* pool;
  std::size_t capacity;
  std::size_t size = 0;
  std::uint32_t count = 0;

  [[nodiscard]] std::uint8_t* bytes() noexcept { return reinterpret_cast<std::uint8_t*>(this + 1); }

  static Block* allocate(FramePool* pool, std::size_t capacity) {
    return new (::operator new(sizeof(Block) + capacity)) Block{.pool = pool, .capacity = capacity};
  }
  static void free(Block* block) noexcept { ::operator delete(block); }
};

Frame::Frame(const Frame& other) noexcept : block_(other.block_) {
  if (block_ == nullptr) return;
  MOSAIK_ASSERT(block_->count < std::numeric_limits<std::uint32_t>::max());
  ++block_->count;
}

Frame::~Frame() {
  if (block_ != nullptr && --block_->count == 0) block_->pool->release(block_);
}

BytesView Frame::wire() const noexcept {
  MOSAIK_ASSERT(block_ != nullptr);
  return {block_->bytes(), block_->size};
}

FramePool::~FramePool() {
  MOSAIK_ASSERT(out_ == 0);  // a frame that outlives its pool would give its block back to freed memory
  for (const std::vector<Frame::Block*>& blocks : free_)
    for (Frame::Block* block : blocks) Frame::Block::free(block);
}

Frame FramePool::make(BytesView payload) {
  MOSAIK_ASSERT(payload.size() <= std::numeric_limits<std::uint32_t>::max());
  Frame::Block* const block = take(Frame::header_size + payload.size());
  const auto length = static_cast<std::uint32_t>(payload.size());
  std::uint8_t* const to = block->bytes();
  for (std::size_t i = 0; i < Frame::header_size; ++i) to[i] = static_cast<std::uint8_t>(length >> (24 - 8 * i));
  if (!payload.empty()) std::memcpy(to + Frame::header_size, payload.data(), payload.size());
  block->size = Frame::header_size + payload.size();
  block->count = 1;
  ++out_;
  return Frame(block);
}

Frame::Block* FramePool::take(std::size_t wire_size) {
  static_assert(size_classes.size() == classes);
  for (std::size_t i = 0; i < classes; ++i) {
    if (wire_size > size_classes[i].bytes) continue;
    std::vector<Frame::Block*>& blocks = free_[i];
    if (blocks.empty()) {
      blocks.reserve(size_classes[i].kept);  // here, so that release() never allocates
      return Frame::Block::allocate(this, size_classes[i].bytes);
    }
    Frame::Block* const block = blocks.back();
    blocks.pop_back();
    return block;
  }
  return Frame::Block::allocate(this, wire_size);
}

void FramePool::release(Frame::Block* block) noexcept {
  --out_;
  for (std::size_t i = 0; i < classes; ++i) {
    if (block->capacity != size_classes[i].bytes || free_[i].size() == size_classes[i].kept) continue;
    free_[i].push_back(block);
    return;
  }
  Frame::Block::free(block);
}

}  // namespace mosaik
