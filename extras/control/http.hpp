#pragma once
/// HTTP/1.1 of the control socket without any I/O: bytes in, requests out; answers as bytes. What a stranger sends
/// meets only this file and routes.hpp, which is why they can be tested and fuzzed without a socket.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <mosaik/types/trace.hpp>

#include "control/calls.hpp"

namespace mosaik::control {

struct Request {
  std::string method;
  std::string target;  ///< path and query, as sent
  bool keep_alive = true;
  std::string body = {};
};

/// Why a request is not one; `status` is what to answer before closing.
struct BadRequest {
  unsigned status = 400;
  std::string message;
};

/// Cuts a stream of bytes into requests. Holds at most limits::control_request bytes and one body of at most
/// limits::control_body; after an error it takes no more.
class RequestReader {
 public:
  RequestReader();
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  void append(std::string_view bytes);
  /// The next whole request; empty when bytes are missing or after an error.
  [[nodiscard]] std::optional<Request> next();
  [[nodiscard]] const std::optional<BadRequest>& error() const noexcept;
  /// True once for a request whose head is fine and whose body waits for `100 Continue` (RFC 9110 10.1.1).
  [[nodiscard]] bool take_wish_to_continue();
  /// True when a request has begun and is not whole yet.
  [[nodiscard]] bool in_request() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// What to answer. `stream`, `trace`: no length, the connection ends with the body. `call`: nothing yet; the answer is
/// that of the call.
struct Answer {
  enum class Kind { plain, stream, trace, leave, call };
  unsigned status = 200;
  std::string body = {};  ///< JSON
  Kind kind = Kind::plain;
  std::string allow = {};  ///< of a 405
  Call call = {};
  TraceFilter filter = {};  ///< of a trace
  [[nodiscard]] bool is_stream() const noexcept { return kind == Kind::stream || kind == Kind::trace; }
};

enum class Connection { keep, close };
/// The bytes of an answer; of a stream only its head.
[[nodiscard]] std::string render(const Answer& answer, Connection connection);

}  // namespace mosaik::control
