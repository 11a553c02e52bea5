#pragma once
/// Ref<T>: shared ownership of an immutable value. Atomic count: values travel in snapshots to other threads.

#include <atomic>
#include <cstdint>
#include <utility>

namespace mosaik {

template <class T>
class Ref {
 public:
  Ref() noexcept = default;
  template <class... Args>
  [[nodiscard]] static Ref make(Args&&... args) {
    Ref out;
    out.box_ = new Box{{1}, T{std::forward<Args>(args)...}};
    return out;
  }
  Ref(const Ref& other) noexcept : box_(other.box_) {
    if (box_ != nullptr) box_->count.fetch_add(1, std::memory_order_relaxed);
  }
  Ref(Ref&& other) noexcept : box_(std::exchange(other.box_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(box_, other.box_);
    return *this;
  }
  ~Ref() {
    if (box_ != nullptr && box_->count.fetch_sub(1, std::memory_order_acq_rel) == 1) delete box_;
  }

  [[nodiscard]] explicit operator bool() const noexcept { return box_ != nullptr; }
  const T& operator*() const noexcept { return box_->value; }
  const T* operator->() const noexcept { return &box_->value; }

 private:
  struct Box {
    std::atomic<std::uint32_t> count;
    const T value;
  };
  Box* box_ = nullptr;
};

}  // namespace mosaik
