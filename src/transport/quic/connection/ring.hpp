#pragma once
/// Ring<T>: a queue in one block of memory that costs nothing while it was never used and gives a large block back.

#include <cstddef>
#include <utility>
#include <vector>

#include "base/assert.hpp"

namespace mosaik::quic {

template <class T>
class Ring {
 public:
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] T& front() noexcept {
    MOSAIK_ASSERT(size_ > 0);
    return slots_[head_];
  }
  [[nodiscard]] T& back() noexcept {
    MOSAIK_ASSERT(size_ > 0);
    return slots_[(head_ + size_ - 1) % slots_.size()];
  }
  /// Counted from the front.
  [[nodiscard]] const T& at(std::size_t index) const noexcept {
    MOSAIK_ASSERT(index < size_);
    return slots_[(head_ + index) % slots_.size()];
  }
  void push_back(T value) {
    if (size_ == slots_.size()) grow();
    slots_[(head_ + size_) % slots_.size()] = std::move(value);
    ++size_;
  }
  void pop_front() {
    MOSAIK_ASSERT(size_ > 0);
    slots_[head_] = T{};
    head_ = (head_ + 1) % slots_.size();
    if (--size_ == 0) {
      head_ = 0;
      if (slots_.size() > kept) std::vector<T>().swap(slots_);
    }
  }
  void clear() noexcept {
    slots_.clear();
    head_ = size_ = 0;
  }

 private:
  static constexpr std::size_t kept = 64;  // slots that an empty ring may keep

  void grow() {
    std::vector<T> larger(slots_.empty() ? 4 : slots_.size() * 2);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move(slots_[(head_ + i) % slots_.size()]);
    slots_ = std::move(larger);
    head_ = 0;
  }

  std::vector<T> slots_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace mosaik::quic
