#pragma once
/// Which request is answered with what (docs/CONTROL.md).

#include "control/http.hpp"
#include "control/server.hpp"

namespace mosaik::control {

/// Reads the newest snapshot of `source`; carries nothing out: an answer of kind `leave` or `call` asks the caller to.
[[nodiscard]] Answer answer_to(Request request, Source& source);
[[nodiscard]] Answer answer_to(const BadRequest& bad);

/// A decision as one block of such a stream.
[[nodiscard]] std::string trace_block(const TraceRecord& record);
/// An event as one block of a server-sent event stream.
[[nodiscard]] std::string stream_block(const Event& event, const NodeStatus& node);

}  // namespace mosaik::control
