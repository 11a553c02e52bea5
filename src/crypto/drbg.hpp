#pragma once
/// Unguessable bytes from a 32-byte seed: BLAKE3 keyed output with fast key erasure. The seed is an argument.

#include <mosaik/types/bytes.hpp>

namespace mosaik::crypto {

class Drbg {
 public:
  explicit Drbg(const Bytes32& seed) noexcept : key_(seed) {}
  Drbg(const Drbg&) = delete;  // two copies would draw the same bytes
  Drbg& operator=(const Drbg&) = delete;
  ~Drbg();
  void fill(std::span<std::uint8_t> out) noexcept;
  [[nodiscard]] Bytes32 bytes32() noexcept;

 private:
  Bytes32 key_;
};

}  // namespace mosaik::crypto
