#pragma once
/// Marks what the shared library exports; everything else is hidden. Refuses what can not work, in words, before
/// anything else is read: each header includes this one.

#if !defined(__cplusplus) || __cplusplus < 202100L
#error "mosaik needs C++23: compile with -std=c++23 (g++ 12, clang 17 or newer); CMake: set(CMAKE_CXX_STANDARD 23)"
#endif
#if !defined(__cpp_exceptions)
#error "mosaik needs exceptions: compile without -fno-exceptions"
#endif

#define MOSAIK_EXPORT __attribute__((visibility("default")))

// Containers of _GLIBCXX_DEBUG have another layout: a program that has it and a library that has not would misread each
// other. Then this symbol is missing at the link, and its name says why.
namespace mosaik::abi {
#if defined(_GLIBCXX_DEBUG)
inline namespace the_library_needs_GLIBCXX_DEBUG_too {
#else
inline namespace the_library_needs_no_GLIBCXX_DEBUG {
#endif
extern MOSAIK_EXPORT const int layout;
}
[[gnu::used]] inline const int* const same_layout = &layout;
}  // namespace mosaik::abi
