#pragma once
/// BLAKE3-256, in its plain, keyed and derive-key modes, incremental.

#include <initializer_list>

#include <mosaik/types/bytes.hpp>

namespace mosaik::crypto {

class Hasher {
 public:
  Hasher() noexcept;  ///< plain
  [[nodiscard]] static Hasher keyed(const Bytes32& key) noexcept;
  /// `context` names one purpose of one program, e.g. "mosaik.reset-token.v1"; the key material is then `update`d.
  [[nodiscard]] static Hasher derive_key(std::string_view context) noexcept;
  Hasher(const Hasher&) noexcept = default;
  Hasher& operator=(const Hasher&) noexcept = default;
  ~Hasher();  ///< wipes: what was hashed may have been secret

  Hasher& update(BytesView bytes) noexcept;
  /// The first 32 bytes of the output.
  [[nodiscard]] Bytes32 finish() const noexcept;
  /// As many bytes of output as `out` has room for.
  void finish(std::span<std::uint8_t> out) const noexcept;

 private:
  alignas(8) std::array<std::uint8_t, 2048> state_;  // portable state or the system library's, see hash.cpp
};

/// BLAKE3-256 of the parts, one after the other.
[[nodiscard]] Bytes32 hash(std::initializer_list<BytesView> parts) noexcept;

/// Equal, in a time that does not depend on the content.
[[nodiscard]] bool equal_constant_time(BytesView a, BytesView b) noexcept;

/// Overwrites with zeros; never optimized away.
void wipe(std::span<std::uint8_t> secret) noexcept;

}  // namespace mosaik::crypto
