#include "crypto/secret_memory.hpp"

#include <sodium.h>

#include <new>
#include <utility>

#include "base/assert.hpp"
#include "crypto/sodium.hpp"

namespace mosaik::crypto {
namespace {

/// sodium_malloc() does all that is promised here (madvise MADV_DONTDUMP, mlock), and puts guard pages around it.
std::uint8_t* allocate(std::size_t size) {
  ensure_sodium();
  auto* const out = static_cast<std::uint8_t*>(sodium_malloc(size));
  MOSAIK_ASSERT(out != nullptr);
  sodium_memzero(out, size);
  return out;
}

}  // namespace

SecretBytes::SecretBytes(std::size_t size) : data_(size > 0 ? allocate(size) : nullptr), size_(size) {}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  SecretBytes taken(std::move(other));
  std::swap(data_, taken.data_);
  std::swap(size_, taken.size_);
  return *this;
}

SecretBytes::~SecretBytes() {
  sodium_free(data_);  // wipes; takes a null pointer
}

std::shared_ptr<Bytes32> make_secret32() {
  // The array has no destructor to run: sodium_free() wipes it.
  return {new (allocate(sizeof(Bytes32))) Bytes32{}, [](Bytes32* secret) { sodium_free(secret); }};
}

[[gnu::noinline]] void scrub_stack() noexcept {
  std::array<std::uint8_t, 4096> below;
  sodium_memzero(below.data(), below.size());
}

}  // namespace mosaik::crypto
