#pragma once
/// Blob: immutable bytes with shared ownership, or a slice of such bytes.
///
/// Commands, queries and answers travel as Blobs: a received frame is copied once, and each command in it is a slice of
/// that copy, in the log, in a batch for the machine and in a frame for another member alike. The count is atomic: a
/// Blob may leave the loop's thread, unlike a Frame.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <mosaik/types/bytes.hpp>

namespace mosaik {

class Blob {
 public:
  Blob() noexcept = default;
  /// A copy of `bytes`.
  [[nodiscard]] static Blob copy(BytesView bytes);
  /// The bytes themselves. Those of at most `copied_most`, or in a vector with much room to spare, are copied after
  /// all: a log keeps them for good, and in one piece of their own size they take less.
  [[nodiscard]] static Blob take(std::vector<std::uint8_t> bytes);
  static constexpr std::size_t copied_most = 4096;
  Blob(const Blob& other) noexcept;
  Blob(Blob&& other) noexcept { swap(other); }
  Blob& operator=(Blob other) noexcept {
    swap(other);
    return *this;
  }
  ~Blob();

  [[nodiscard]] BytesView view() const noexcept { return {data_, size_}; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// A part of these bytes, that keeps them alive; `part` lies within view().
  [[nodiscard]] Blob slice(BytesView part) const noexcept;

  /// The same bytes.
  friend bool operator==(const Blob& a, const Blob& b) noexcept;

 private:
  struct Block;
  struct Taken;
  void swap(Blob& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }
  Block* block_ = nullptr;
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace mosaik
