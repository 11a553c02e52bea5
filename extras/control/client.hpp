#pragma once
/// Asking a running node, from another process: blocking, one question at a time.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <mosaik/types/result.hpp>

#include "control/calls.hpp"
#include "control/listener.hpp"

namespace mosaik::control {

struct Response {
  unsigned status = 0;
  std::string body;
};

/// GET or POST `target`, with `body`, at the node that listens at `path`; at most `limit` long.
/// Errors: not_found (no node runs there), closed, timed_out, malformed, limit, and those of connect_to.
[[nodiscard]] Result<Response> ask(const std::string& path, std::string_view method, std::string_view target,
                                   std::chrono::milliseconds limit = std::chrono::seconds(10),
                                   std::string_view body = {});
/// Carries a call out. Errors: those of the call and of ask(); unknown_outcome when a command was sent and no answer
/// came; closed when nobody reads from the descriptor `reader` any more, if one is given: the answer is for nobody.
[[nodiscard]] Result<CallAnswer> carry_out(const std::string& path, const Call& call, int reader = -1);

/// A stream of a node: its events, or its decisions.
class EventStream {
 public:
  [[nodiscard]] static Result<EventStream> open(const std::string& path,
                                                std::chrono::milliseconds limit = std::chrono::seconds(10),
                                                std::string_view target = "/v1/events");

  /// The next event's JSON. Empty when `limit` passed without one. Errors: closed when the node ended the stream, or
  /// nobody reads from the descriptor `reader` any more; limit.
  [[nodiscard]] Result<std::optional<std::string>> next(std::chrono::milliseconds limit, int reader = -1);
  /// Readable when next() would find something.
  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }

 private:
  explicit EventStream(Descriptor socket, std::string rest) : socket_(std::move(socket)), buffer_(std::move(rest)) {}
  std::optional<std::string> take_event();

  Descriptor socket_;
  std::string buffer_;
};

}  // namespace mosaik::control
