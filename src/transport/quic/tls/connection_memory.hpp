#pragma once
/// The memory of one QUIC connection. Whatever the library has not given back when its connection is deleted is freed
/// with the connection: ngtcp2 0.12 now and then loses a few hundred bytes of one that ends in the midst of loss, and a
/// node must not grow with every peer that dies.

#include <ngtcp2/ngtcp2.h>

#include <cstddef>

namespace mosaik::quic {

class ConnectionMemory {
 public:
  ConnectionMemory() noexcept;
  ConnectionMemory(const ConnectionMemory&) = delete;
  ConnectionMemory& operator=(const ConnectionMemory&) = delete;
  ~ConnectionMemory();

  /// For ngtcp2_conn_*_new; valid as long as this object.
  [[nodiscard]] const ngtcp2_mem* allocator() const noexcept { return &allocator_; }

 private:
  /// Stands before each block and links it into the ring of this connection's blocks.
  struct alignas(std::max_align_t) Header {
    Header* previous;
    Header* next;
  };

  void link(Header* block) noexcept;
  static void* allocate(std::size_t size, void* self);
  static void release(void* bytes, void* self);
  static void* allocate_zeroed(std::size_t count, std::size_t size, void* self);
  static void* resize(void* bytes, std::size_t size, void* self);

  Header anchor_{&anchor_, &anchor_};
  ngtcp2_mem allocator_;
};

}  // namespace mosaik::quic
