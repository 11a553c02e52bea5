#pragma once
/// Memory for keys and secrets. It is left out of core dumps, locked against being swapped out (as far as
/// RLIMIT_MEMLOCK goes), zero at first, and overwritten when it is given back. All secrets that this library keeps for
/// longer than a call live here; a call that handles one elsewhere wipes what it used.

#include <cstdint>
#include <memory>
#include <span>

#include <mosaik/types/bytes.hpp>

namespace mosaik::crypto {

/// Bytes in such memory. Move-only. Each takes pages of its own: for few and lasting secrets.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::size_t size);
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes();

  [[nodiscard]] std::span<std::uint8_t> bytes() noexcept { return {data_, size_}; }
  [[nodiscard]] BytesView view() const noexcept { return {data_, size_}; }

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

/// 32 secret bytes, all zero; copies of the pointer share them.
[[nodiscard]] std::shared_ptr<Bytes32> make_secret32();

/// Overwrites what calls that have returned may have left on this thread's stack, 4 KiB below the caller's frame.
void scrub_stack() noexcept;

}  // namespace mosaik::crypto
