#pragma once
/// The version of this library and of the wire that it speaks.

#include <string>
#include <string_view>

#include <mosaik/export.hpp>

namespace mosaik {

inline constexpr std::string_view version = "0.1.0";
/// The release of the Rust crate `mosaik` whose wire protocol this is.
inline constexpr std::string_view wire_version = "0.4.2";
/// The third-party libraries in use, `name version` a line.
[[nodiscard]] MOSAIK_EXPORT std::string library_versions();

}  // namespace mosaik
