#include "crypto/hash.hpp"

#include <sodium.h>

#include <new>

#include "crypto/blake3.hpp"

#ifdef MOSAIK_SYSTEM_BLAKE3
#include <blake3.h>
#endif

namespace mosaik::crypto {
namespace {

// Two engines with the same five operations: the system's library uses SIMD, ours needs nothing.
#ifdef MOSAIK_SYSTEM_BLAKE3
namespace engine {
using State = blake3_hasher;
void start_plain(State& state) noexcept {
  blake3_hasher_init(&state);
}
void start_keyed(State& state, const Bytes32& key) noexcept {
  blake3_hasher_init_keyed(&state, key.data());
}
void start_derive_key(State& state, BytesView context) noexcept {
  blake3_hasher_init_derive_key_raw(&state, context.data(), context.size());
}
void update(State& state, BytesView input) noexcept {
  blake3_hasher_update(&state, input.data(), input.size());
}
void finish(const State& state, std::span<std::uint8_t> out) noexcept {
  blake3_hasher_finalize(&state, out.data(), out.size());
}
}  // namespace engine
#else
namespace engine = blake3;
#endif

using Storage = std::array<std::uint8_t, 2048>;
static_assert(sizeof(engine::State) <= sizeof(Storage) && alignof(engine::State) <= 8);
static_assert(std::is_trivially_copyable_v<engine::State>);

engine::State& make_state(Storage& storage) noexcept {
  return *new (storage.data()) engine::State;
}
engine::State& state_in(Storage& storage) noexcept {
  return *std::launder(reinterpret_cast<engine::State*>(storage.data()));
}
const engine::State& state_in(const Storage& storage) noexcept {
  return *std::launder(reinterpret_cast<const engine::State*>(storage.data()));
}

}  // namespace

Hasher::Hasher() noexcept {
  engine::start_plain(make_state(state_));
}

Hasher::~Hasher() {
  wipe(std::span(state_).first(sizeof(engine::State)));
}

Hasher Hasher::keyed(const Bytes32& key) noexcept {
  Hasher out;
  engine::start_keyed(state_in(out.state_), key);
  return out;
}

Hasher Hasher::derive_key(std::string_view context) noexcept {
  Hasher out;
  engine::start_derive_key(state_in(out.state_), bytes_of(context));
  return out;
}

Hasher& Hasher::update(BytesView bytes) noexcept {
  engine::update(state_in(state_), bytes);
  return *this;
}

Bytes32 Hasher::finish() const noexcept {
  Bytes32 out;
  finish(out);
  return out;
}

void Hasher::finish(std::span<std::uint8_t> out) const noexcept {
  engine::finish(state_in(state_), out);
}

Bytes32 hash(std::initializer_list<BytesView> parts) noexcept {
  Hasher hasher;
  for (const BytesView part : parts) hasher.update(part);
  return hasher.finish();
}

bool equal_constant_time(BytesView a, BytesView b) noexcept {
  return a.size() == b.size() && (a.empty() || sodium_memcmp(a.data(), b.data(), a.size()) == 0);
}

void wipe(std::span<std::uint8_t> secret) noexcept {
  if (!secret.empty()) sodium_memzero(secret.data(), secret.size());
}

}  // namespace mosaik::crypto
