#pragma once
/// Blob: immutable bytes with shared ownership, or a slice of such bytes.
///
/// Commands, queries and answers travel as Blobs: a received frame is copied once, and each command in it is a slice of
/// that copy, in the log, in a batch for the machine and in a frame for another member alike. The count is atomic: a
/// Blob may leave the loop's thread, unlike a Frame.

#include <cstddef>
#include <utility>

#include <mosaik/bytes.hpp>

namespace mosaik {

class Blob {
 public:
  Blob() noexcept = default;
  /// A copy of `bytes`.
  [[nodiscard]] static Blob copy(BytesView bytes);
  Blob(const Blob& other) noexcept;
  Blob(Blob&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), view_(std::exchange(other.view_, BytesView{})) {}
  Blob& operator=(Blob other) noexcept {
    std::swap(block_, other.block_);
    std::swap(view_, other.view_);
    return *this;
  }
  ~Blob();

  [[nodiscard]] BytesView view() const noexcept { return view_; }
  [[nodiscard]] std::size_t size() const noexcept { return view_.size(); }
  [[nodiscard]] bool empty() const noexcept { return view_.empty(); }
  /// A part of these bytes, that keeps them alive; `part` lies within view().
  [[nodiscard]] Blob slice(BytesView part) const noexcept;

  /// The same bytes.
  friend bool operator==(const Blob& a, const Blob& b) noexcept;

 private:
  struct Block;
  Block* block_ = nullptr;
  BytesView view_;
};

}  // namespace mosaik
