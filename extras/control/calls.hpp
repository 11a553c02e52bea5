#pragma once
/// Calls on replicated groups through the control socket: what a client asks for and what it is told, as values and as
/// the JSON between them (docs/CONTROL.md). Both ends of the socket use this file.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <mosaik/types/consensus_status.hpp>
#include <mosaik/types/cursor.hpp>
#include <mosaik/types/id.hpp>
#include <mosaik/types/result.hpp>

namespace mosaik::control {

struct Call {
  enum class Kind : std::uint8_t {
    execute,    ///< `bytes` are one command; ends when it is committed
    query,      ///< `bytes` are one query
    committed,  ///< ends when more than `beyond` commands are committed at this member
  };
  Kind kind = Kind::execute;
  GroupId group;
  std::chrono::milliseconds time = std::chrono::seconds(10);  ///< the call ends by then
  std::vector<std::uint8_t> bytes;
  Consistency consistency = Consistency::weak;
  Index beyond;
  std::string history;  ///< of `committed`: it also ends when the member's history is another one; empty: it does not
};

struct CallAnswer {
  Index index;                       ///< the command's place; how many commands were applied for a query; committed
  std::vector<std::uint8_t> result;  ///< of a query
  /// Names the history that the member follows, and its run: another text, another history. Empty for a command.
  std::string history = {};
};

/// Called exactly once, from any thread.
using CallDone = std::move_only_function<void(Result<CallAnswer>)>;

/// Reads path, parameters and body of a request to /v1/execute, /v1/query or /v1/committed.
/// Errors: invalid_argument says which parameter is wrong.
[[nodiscard]] Result<Call> parse_call(Call::Kind kind, std::string_view parameters, std::string_view body);
/// Path and parameters of a call; its bytes are the body.
[[nodiscard]] std::string target_of(const Call& call);

[[nodiscard]] std::string write_answer(Call::Kind kind, const CallAnswer& answer);
[[nodiscard]] std::string write_failure(Call::Kind kind, const Error& error);
/// The HTTP status of a failure.
[[nodiscard]] unsigned status_of(const Error& error) noexcept;

/// What the other end has written. Errors: those of the call, with their codes; malformed.
[[nodiscard]] Result<CallAnswer> read_answer(Call::Kind kind, unsigned status, std::string_view body);

}  // namespace mosaik::control
