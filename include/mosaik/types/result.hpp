#pragma once
/// Errors are values: what can fail returns Result<T>; no exception crosses a room.

#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include <mosaik/export.hpp>

namespace mosaik {

/// What kind of thing went wrong; the message says to what and what to do.
enum class Errc {
  invalid_argument,  ///< a value the caller gave is unusable
  malformed,         ///< bytes that do not decode
  not_canonical,     ///< bytes that decode, but not in their one canonical form
  limit,             ///< a limit was reached; the message names it
  bad_signature,     ///< a signature or proof that does not verify
  old_entry_layout,  ///< a peer entry in the layout of mosaik 0.3
  wrong_network,     ///< something of another network
  stale,             ///< too old, or not newer than what is known
  from_the_future,   ///< dated later than the drift bound allows
  not_found,         ///< no such peer, group or link
  refused,           ///< the other side, or a rule, said no
  unreachable,       ///< no way to the other side
  timed_out,         ///< a deadline passed
  closed,            ///< the object or link was closed
  offline,           ///< no leader is known or in reach: certainly nothing was done; try again
  overwritten,       ///< another leader took the place in the log: certainly not applied; try again
  unknown_outcome,   ///< a command was on its way when its end became unknowable: it may be applied, or not
  permission,        ///< the operating system or a file mode forbids it
  in_use,            ///< taken by another process or node
  io,                ///< the operating system failed
  internal,          ///< a library failed in a way that it should not
};

/// The stable lower-case name of an error kind, for logs and JSON.
[[nodiscard]] MOSAIK_EXPORT std::string_view to_string(Errc code) noexcept;

/// What went wrong.
struct Error {
  Errc code = Errc::internal;
  std::string message;  ///< for people: what happened, to what, and what to do; never a secret
};

/// A value, or why there is none.
template <class T = void>
using Result = std::expected<T, Error>;

/// `return fail(Errc::limit, "...")` in a function that returns Result.
[[nodiscard]] inline std::unexpected<Error> fail(Errc code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

}  // namespace mosaik
