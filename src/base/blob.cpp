#include "base/blob.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>

#include "base/assert.hpp"

namespace mosaik {

/// The count; the bytes stand right behind it, or are Taken.
struct Blob::Block {
  std::atomic<std::uint32_t> count{1};
  bool is_taken = false;
  [[nodiscard]] std::uint8_t* bytes() noexcept { return reinterpret_cast<std::uint8_t*>(this + 1); }
};
struct Blob::Taken : Block {
  std::vector<std::uint8_t> vector;
};

Blob Blob::copy(BytesView bytes) {
  Blob out;
  if (bytes.empty()) return out;
  out.block_ = new (::operator new(sizeof(Block) + bytes.size())) Block;
  std::memcpy(out.block_->bytes(), bytes.data(), bytes.size());
  out.data_ = out.block_->bytes();
  out.size_ = bytes.size();
  return out;
}

Blob Blob::take(std::vector<std::uint8_t> bytes) {
  if (bytes.size() <= copied_most || bytes.capacity() - bytes.size() > bytes.size() / 8) return copy(bytes);
  auto* const block = new Taken;
  block->is_taken = true;
  block->vector = std::move(bytes);
  Blob out;
  out.block_ = block;
  out.data_ = block->vector.data();
  out.size_ = block->vector.size();
  return out;
}

Blob::Blob(const Blob& other) noexcept : block_(other.block_), data_(other.data_), size_(other.size_) {
  if (block_ != nullptr) block_->count.fetch_add(1, std::memory_order_relaxed);
}

Blob::~Blob() {
  if (block_ == nullptr || block_->count.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (block_->is_taken) {
    delete static_cast<Taken*>(block_);
  } else {
    block_->~Block();
    ::operator delete(block_);
  }
}

Blob Blob::slice(BytesView part) const noexcept {
  if (part.empty()) return {};
  MOSAIK_ASSERT(part.data() >= data_ && part.data() + part.size() <= data_ + size_);
  Blob out(*this);
  out.data_ = part.data();
  out.size_ = part.size();
  return out;
}

bool operator==(const Blob& a, const Blob& b) noexcept {
  return std::ranges::equal(a.view(), b.view());
}

}  // namespace mosaik
