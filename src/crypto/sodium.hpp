#pragma once
/// The one place where libsodium is made ready.

namespace mosaik::crypto {

/// Initializes libsodium, once in the process; safe to call from any thread, any number of times.
void ensure_sodium() noexcept;

}  // namespace mosaik::crypto
