#pragma once
/// MOSAIK_ASSERT stays on in every build: a broken invariant ends the process before it can lie.

namespace mosaik {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;
}  // namespace mosaik

#define MOSAIK_ASSERT(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::mosaik::assertion_failed(#condition, __FILE__, __LINE__))
