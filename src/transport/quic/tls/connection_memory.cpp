#include "transport/quic/tls/connection_memory.hpp"

#include <cstdint>
#include <cstdlib>

#include "base/assert.hpp"

namespace mosaik::quic {

ConnectionMemory::ConnectionMemory() noexcept
    : allocator_{.user_data = this, .malloc = allocate, .free = release, .calloc = allocate_zeroed, .realloc = resize} {
}

ConnectionMemory::~ConnectionMemory() {
  while (anchor_.next != &anchor_) release(anchor_.next + 1, this);
}

void ConnectionMemory::link(Header* block) noexcept {
  block->previous = &anchor_;
  block->next = anchor_.next;
  anchor_.next->previous = block;
  anchor_.next = block;
}

void* ConnectionMemory::allocate(std::size_t size, void* self) {
  if (size > SIZE_MAX - sizeof(Header)) return nullptr;
  auto* const block = static_cast<Header*>(std::malloc(sizeof(Header) + size));
  if (block == nullptr) return nullptr;
  static_cast<ConnectionMemory*>(self)->link(block);
  return block + 1;
}

void ConnectionMemory::release(void* bytes, void*) {
  if (bytes == nullptr) return;
  Header* const block = static_cast<Header*>(bytes) - 1;
  // A block that was freed before, or is another connection's, would break the ring of ours.
  MOSAIK_ASSERT(block->previous->next == block && block->next->previous == block);
  // A block leaves the ring before it is freed, so that its neighbours live.
  block->previous->next = block->next;  // NOLINT(clang-analyzer-unix.Malloc)
  block->next->previous = block->previous;
  std::free(block);
}

void* ConnectionMemory::allocate_zeroed(std::size_t count, std::size_t size, void* self) {
  if (size != 0 && count > (SIZE_MAX - sizeof(Header)) / size) return nullptr;
  auto* const block = static_cast<Header*>(std::calloc(1, sizeof(Header) + count * size));
  if (block == nullptr) return nullptr;
  static_cast<ConnectionMemory*>(self)->link(block);
  return block + 1;
}

void* ConnectionMemory::resize(void* bytes, std::size_t size, void* self) {
  if (bytes == nullptr) return allocate(size, self);
  if (size > SIZE_MAX - sizeof(Header)) return nullptr;
  auto* const moved = static_cast<Header*>(std::realloc(static_cast<Header*>(bytes) - 1, sizeof(Header) + size));
  if (moved == nullptr) return nullptr;
  moved->previous->next = moved;
  moved->next->previous = moved;
  return moved + 1;
}

}  // namespace mosaik::quic
