#include "control/routes.hpp"

#include <algorithm>
#include <array>

#include "control/json.hpp"

namespace mosaik::control {
namespace {

struct Route {
  std::string_view path;
  std::string_view method;
  Answer (*answer)(Request& request, Source& source);
};

template <std::string (*write)(const NodeStatus&)>
Answer snapshot(Request&, Source& source) {
  return {.body = write(*source.fresh_status())};
}

Answer stream(Request&, Source&) {
  return {.kind = Answer::Kind::stream};
}
Answer leave(Request&, Source&) {
  return {.status = 202, .body = R"({"leaving":true})", .kind = Answer::Kind::leave};
}

std::string_view parameters_of(std::string_view target) {
  const std::size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

Answer trace(Request& request, Source&) {
  TraceFilter filter;
  std::string_view rest = parameters_of(request.target);
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    constexpr std::string_view component = "component=";
    constexpr std::string_view peer = "peer=";
    if (one.starts_with(component)) {
      filter.component = one.substr(component.size());
    } else {
      filter.peer = PeerId::from_hex(one.starts_with(peer) ? one.substr(peer.size()) : std::string_view());
      if (!filter.peer)
        return {.status = 400,
                .body = json::write_error("write ?component=NAME, ?peer=64 hexadecimal digits, or both with &")};
    }
  }
  return {.kind = Answer::Kind::trace, .filter = std::move(filter)};
}

Answer forget(Request& request, Source& source) {
  constexpr std::string_view name = "peer=";
  const std::string_view parameters = parameters_of(request.target);
  const auto peer =
      PeerId::from_hex(parameters.starts_with(name) ? parameters.substr(name.size()) : std::string_view());
  if (!peer)
    return {.status = 400,
            .body = json::write_error("peer is missing or no peer id; write ?peer=64 hexadecimal digits")};
  if (const Result<> done = source.forget_at_once(*peer); !done)
    return {.status = done.error().code == Errc::not_found ? 404U : 409U,
            .body = json::write_error(done.error().message)};
  return {.body = R"({"forgotten":true})"};
}

template <Call::Kind kind>
Answer call(Request& request, Source&) {
  auto parsed = parse_call(kind, parameters_of(request.target), request.body);
  if (!parsed) return {.status = status_of(parsed.error()), .body = write_failure(kind, parsed.error())};
  return {.kind = Answer::Kind::call, .call = std::move(*parsed)};
}

constexpr std::array routes = {
    Route{"/v1/status", "GET", snapshot<json::write_status>},
    Route{"/v1/members", "GET", snapshot<json::write_members>},
    Route{"/v1/bonds", "GET", snapshot<json::write_bonds>},
    Route{"/v1/topology", "GET", snapshot<json::write_topology>},
    Route{"/v1/events", "GET", stream},
    Route{"/v1/trace", "GET", trace},
    Route{"/v1/leave", "POST", leave},
    Route{"/v1/forget", "POST", forget},
    Route{"/v1/execute", "POST", call<Call::Kind::execute>},
    Route{"/v1/query", "POST", call<Call::Kind::query>},
    Route{"/v1/committed", "GET", call<Call::Kind::committed>},
};

}  // namespace

Answer answer_to(Request request, Source& source) {
  const std::string_view target = request.target;
  const std::string_view path = target.substr(0, target.find('?'));
  const auto* const route = std::ranges::find(routes, path, &Route::path);
  if (route == routes.end()) {
    return {
        .status = 404,
        .body = json::write_error("no such route; there are GET /v1/status, /v1/members, "
                                  "/v1/bonds, /v1/topology, /v1/events, /v1/trace, /v1/committed and POST /v1/leave, "
                                  "/v1/forget, /v1/execute, /v1/query")};
  }
  if (request.method != route->method) {
    return {.status = 405,
            .body = json::write_error(std::string(route->path) + " takes " + std::string(route->method)),
            .allow = std::string(route->method)};
  }
  return route->answer(request, source);
}

Answer answer_to(const BadRequest& bad) {
  return {.status = bad.status, .body = json::write_error(bad.message)};
}

std::string trace_block(const TraceRecord& record) {
  return "event: decision\ndata: " + json::write_decision(record) + "\n\n";
}

std::string stream_block(const Event& event, const NodeStatus& node) {
  return "id: " + std::to_string(event.sequence) + "\nevent: " + std::string(json::event_name(event.kind)) +
         "\ndata: " + json::write_event(event, node) + "\n\n";
}

}  // namespace mosaik::control
