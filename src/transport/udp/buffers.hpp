#pragma once
/// Where received datagrams land. Private to this room.
///
/// A GRO batch is up to 64 KiB, so each buffer is. They are mapped, not allocated: a page costs memory only once a
/// datagram was written to it, and a node without bulk traffic touches one page of each.

#include <sys/mman.h>

#include <cstddef>
#include <memory>
#include <span>

#include "transport/udp/socket.hpp"

namespace mosaik::udp {

struct Socket::Buffers {
  static constexpr std::size_t count = 8;
  static constexpr std::size_t size = 64U << 10U;

  /// Null when there is no memory.
  [[nodiscard]] static std::unique_ptr<Buffers> make() {
    void* mapped =
        ::mmap(nullptr, count * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    // A huge page would make the first datagram cost 2 MiB.
    ::madvise(mapped, count * size, MADV_NOHUGEPAGE);
    return std::unique_ptr<Buffers>(new Buffers(static_cast<std::uint8_t*>(mapped)));
  }
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;
  ~Buffers() { ::munmap(base_, count * size); }

  [[nodiscard]] std::span<std::uint8_t> at(std::size_t index) noexcept { return {base_ + index * size, size}; }

 private:
  explicit Buffers(std::uint8_t* base) noexcept : base_(base) {}
  std::uint8_t* base_;
};

}  // namespace mosaik::udp
