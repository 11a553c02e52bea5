#include <limits>

#include "control/json.hpp"
#include "control/json_fields.hpp"
#include "control/limits.hpp"

namespace mosaik::control::json {
namespace {

/// The words of a line, under whichever of these names they stand.
std::string words(Fields& fields) {
  for (const std::string_view name : {"why", "reason", "text", "error"}) {
    const boost::json::value* const value = fields.find(name);
    if (value != nullptr && value->is_string()) return fields.text(name);
  }
  return {};
}

std::vector<BondName> bond_names(Fields& line, std::string& complaint) {
  std::vector<BondName> out;
  for (const boost::json::value& value : line.array("bonds")) {
    Fields bond(value, complaint);
    out.push_back({bond.id<PeerId>("peer"), bond.id<BondId>("bond"), bond.id<SessionId>("session")});
  }
  return out;
}

Line reply_of(Fields& fields) {
  Line out;
  out.event = "reply";
  if (const boost::json::value* const tag = fields.find("tag")) out.tag = boost::json::serialize(*tag);
  if (const boost::json::value* const ok = fields.find("ok")) out.ok = boost::json::serialize(*ok);
  out.text = fields.text_or_empty("error");
  out.kind_of_error = fields.text_or_empty("code");
  return out;
}

Line line_of(Fields& fields, std::string& complaint) {
  Line out;
  out.event = fields.text("event");
  if (out.event == "reply") return reply_of(fields);
  out.kind = fields.text_or_empty("kind");
  out.sequence = fields.count_or_zero("sequence");
  out.wall_ms = fields.number_or_zero("wall_ms");
  out.mono_ns = fields.number_or_zero("mono_ns");
  out.id = fields.id_or_zero<PeerId>("id");
  out.peer = fields.id_or_zero<PeerId>("peer");
  out.group = fields.id_or_zero<GroupId>("group");
  out.contact = fields.text_or_empty("contact");
  out.control = fields.text_or_empty("control");
  out.text = words(fields);
  out.by = fields.text_or_empty("by");
  out.code = out.event == "lost" ? fields.count("count") : fields.count_or_zero("code");
  out.role = fields.text_or_empty("role");
  out.term.value = fields.count_or_zero("term");
  out.index.value = fields.count_or_zero("index");
  out.last.value = fields.count_or_zero(out.event == "diverged" ? "first_difference" : "last");
  if (out.event == "floor_differs") out.code = fields.count("floor");
  if (out.event == "bonds") out.bonds = bond_names(fields, complaint);
  if (out.event == "topology") out.pairs = fields.array("bonds").size();
  return out;
}

TraceRecord record_of(Fields& fields, std::string&) {
  TraceRecord out;
  out.component = fields.text("component");
  out.what = fields.text("what");
  out.reason = fields.text("reason");
  out.wall_ms = fields.number_or_zero("wall_ms");
  out.mono_ns = fields.number_or_zero("mono_ns");
  out.peer = fields.id_or_zero<PeerId>("peer");
  out.group = fields.id_or_zero<GroupId>("group");
  out.lost = fields.count_or_zero("lost");
  const boost::json::value* const more = fields.find("fields");
  if (more == nullptr || !more->is_object()) return out;
  for (const auto& [name, value] : more->as_object())
    if (value.is_int64()) out.fields.push_back({std::string(name), value.as_int64()});
  return out;
}

}  // namespace

Result<TraceRecord> read_decision(std::string_view text) {
  return read_document(text, "a decision of a node", record_of);
}

Result<Line> read_line(std::string_view text) {
  return read_document(text, "a line of a node", line_of);
}

Result<Command> read_command(std::string_view line) {
  if (line.size() > limits::control_line) return fail(Errc::limit, "the line is longer than 64 KiB");
  const Result<boost::json::value> document = parse(line);
  if (!document) return std::unexpected(document.error());
  std::string complaint;
  Fields fields(*document, complaint);
  if (!complaint.empty()) return fail(Errc::malformed, complaint);
  Command command;
  if (const boost::json::value* const tag = fields.find("tag")) command.tag = boost::json::serialize(*tag);
  command.name = fields.text_or_empty("cmd");
  command.peer = fields.text_or_empty("peer");
  if (fields.find("n") != nullptr) {
    const std::uint64_t n = fields.count("n");
    if (n > std::numeric_limits<std::uint32_t>::max()) fields.complain("n", "is larger than 4294967295");
    command.n = static_cast<std::uint32_t>(n);
  }
  const std::string consistency = fields.text_or_empty("consistency");
  if (consistency == "strong") command.consistency = Consistency::strong;
  // A misspelt one must not become a weak read.
  else if (!consistency.empty() && consistency != "weak")
    fields.complain("consistency", "is neither weak nor strong");
  command.wrong = std::move(complaint);
  return command;
}

}  // namespace mosaik::control::json
