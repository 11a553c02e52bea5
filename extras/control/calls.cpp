#include "control/calls.hpp"

#include <algorithm>
#include <charconv>

#include "control/json.hpp"
#include "control/json_fields.hpp"
#include "control/json_text.hpp"
#include "control/limits.hpp"

namespace mosaik::control {
namespace {

constexpr std::size_t most_history = 64;

std::unexpected<Error> wrong(std::string_view name, std::string_view value, std::string_view what) {
  return fail(Errc::invalid_argument,
              std::string(name) + "=" + std::string(value.substr(0, 100)) + " " + std::string(what));
}

Result<> take_count(std::string_view name, std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) return wrong(name, text, "is no whole number");
  return {};
}

Result<> take_time(std::string_view text, Call& call) {
  std::uint64_t value = 0;
  if (const auto taken = take_count("time_ms", text, value); !taken) return taken;
  constexpr auto most = static_cast<std::uint64_t>(limits::control_call_time / 1ms);
  if (value == 0 || value > most) return wrong("time_ms", text, "is not within 1 and " + std::to_string(most));
  call.time = std::chrono::milliseconds(static_cast<std::int64_t>(value));
  return {};
}

/// One `name=value`. Unknown names are refused: a misspelt `consistency` must not become a weak read.
Result<> take_parameter(std::string_view name, std::string_view value, Call& call) {
  if (name == "group") {
    const auto id = GroupId::from_hex(value);
    if (!id) return wrong(name, value, "is no group: 64 hexadecimal digits");
    call.group = *id;
    return {};
  }
  if (name == "time_ms") return take_time(value, call);
  if (name == "consistency" && call.kind == Call::Kind::query) {
    if (value != "weak" && value != "strong") return wrong(name, value, "is neither weak nor strong");
    call.consistency = value == "strong" ? Consistency::strong : Consistency::weak;
    return {};
  }
  if (name == "beyond" && call.kind == Call::Kind::committed) return take_count(name, value, call.beyond.value);
  if (name == "history" && call.kind == Call::Kind::committed && value.size() <= most_history) {
    call.history = value;
    return {};
  }
  return wrong(name, value, "is no parameter of this route");
}

/// The words of Errc, back.
Errc code_of(std::string_view text) {
  for (int i = 0; i <= static_cast<int>(Errc::internal); ++i)
    if (to_string(static_cast<Errc>(i)) == text) return static_cast<Errc>(i);
  return Errc::internal;
}

std::vector<std::uint8_t> bytes_of_hex(json::Fields& fields, std::string_view name) {
  const std::string text = fields.text(name);
  std::vector<std::uint8_t> out(text.size() / 2);
  if (!from_hex(text, out)) fields.complain(name, "is not hexadecimal");
  return out;
}

std::string_view path_of(Call::Kind kind) {
  switch (kind) {
    case Call::Kind::execute: return "/v1/execute";
    case Call::Kind::query: return "/v1/query";
    case Call::Kind::committed: return "/v1/committed";
  }
  return "";
}

}  // namespace

Result<Call> parse_call(Call::Kind kind, std::string_view parameters, std::string_view body) {
  Call call;
  call.kind = kind;
  while (!parameters.empty()) {
    const std::string_view one = parameters.substr(0, parameters.find('&'));
    parameters.remove_prefix(std::min(parameters.size(), one.size() + 1));
    const std::size_t equals = one.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : one.substr(equals + 1);
    if (const auto taken = take_parameter(one.substr(0, equals), value, call); !taken)
      return std::unexpected(taken.error());
  }
  if (call.group.is_zero()) return fail(Errc::invalid_argument, "which group is meant? add group=HEX (see /v1/status)");
  const BytesView bytes = bytes_of(body);
  call.bytes.assign(bytes.begin(), bytes.end());
  return call;
}

std::string target_of(const Call& call) {
  std::string out =
      std::string(path_of(call.kind)) + "?group=" + call.group.hex() + "&time_ms=" + std::to_string(call.time.count());
  if (call.kind == Call::Kind::query)
    out += call.consistency == Consistency::strong ? "&consistency=strong" : "&consistency=weak";
  if (call.kind == Call::Kind::committed) out += "&beyond=" + std::to_string(call.beyond.value);
  if (!call.history.empty()) out += "&history=" + call.history;
  return out;
}

std::string write_answer(Call::Kind kind, const CallAnswer& answer) {
  switch (kind) {
    case Call::Kind::execute: return json::Object().add("index", answer.index.value).str();
    case Call::Kind::query:
      return json::Object()
          .add("result", std::string_view(to_hex(answer.result)))
          .add("position", answer.index.value)
          .add("history", std::string_view(answer.history))
          .str();
    case Call::Kind::committed:
      return json::Object().add("committed", answer.index.value).add("history", std::string_view(answer.history)).str();
  }
  return "{}";
}

std::string write_failure(Call::Kind kind, const Error& error) {
  json::Object out;
  out.add("error", std::string_view(error.message)).add("code", to_string(error.code));
  if (kind == Call::Kind::execute) out.add("outcome", error.code == Errc::unknown_outcome ? "unknown" : "not_applied");
  return out.str();
}

unsigned status_of(const Error& error) noexcept {
  switch (error.code) {
    case Errc::invalid_argument:
    case Errc::malformed: return 400;
    case Errc::not_found: return 404;
    case Errc::limit: return 429;
    case Errc::timed_out:
    case Errc::unknown_outcome: return 504;
    case Errc::offline:
    case Errc::overwritten:
    case Errc::closed: return 503;
    default: return 500;
  }
}

Result<CallAnswer> read_answer(Call::Kind kind, unsigned status, std::string_view body) {
  const Result<boost::json::value> document = json::parse(body);
  if (!document) return std::unexpected(document.error());
  std::string complaint;
  json::Fields fields(*document, complaint);
  if (status / 100 != 2) {
    const std::string text = fields.text("error");
    const std::string code = fields.text_or_empty("code");
    return fail(code.empty() ? Errc::refused : code_of(code), complaint.empty() ? text : std::string(body));
  }
  CallAnswer out;
  if (kind == Call::Kind::execute) out.index.value = fields.count("index");
  if (kind == Call::Kind::committed) out.index.value = fields.count("committed");
  if (kind == Call::Kind::query) {
    out.index.value = fields.count("position");
    out.result = bytes_of_hex(fields, "result");
  }
  out.history = fields.text_or_empty("history");
  if (!complaint.empty()) return fail(Errc::malformed, "not the answer of a node: " + complaint);
  return out;
}

}  // namespace mosaik::control
