#include "runtime/tracing.hpp"

#include "node/node.hpp"

namespace mosaik::runtime {

bool TraceReader::wants(const Decision& decision) const {
  if (!alive() || (filter_.peer && *filter_.peer != decision.peer)) return false;
  return filter_.component.empty() || filter_.component == decision.component;
}

std::optional<std::uint64_t> TraceReader::reserve() {
  if (waiting_.load() >= trace_backlog) {
    ++lost_;
    return std::nullopt;
  }
  waiting_.fetch_add(1);
  return std::exchange(lost_, 0);
}

void TraceReader::deliver(const TraceRecord& record) {
  waiting_.fetch_sub(1);
  const std::scoped_lock lock(running_);
  delivery_.store(std::this_thread::get_id());
  if (alive()) call_(record);
  delivery_.store({});
}

void TraceReader::end() {
  alive_.store(false);
  if (delivery_.load() == std::this_thread::get_id()) return;
  const std::scoped_lock wait_for_running_callback(running_);
}

Tracing::~Tracing() {
  node_.set_trace(nullptr);
}

void Tracing::add(std::shared_ptr<TraceReader> reader) {
  readers_.push_back(std::move(reader));
  node_.set_trace(this);
}

void Tracing::prune() {
  std::erase_if(readers_, [](const auto& reader) { return !reader->alive(); });
  if (readers_.empty()) node_.set_trace(nullptr);
}

Task Tracing::take() {
  if (batch_.empty()) return nullptr;
  return [batch = std::exchange(batch_, {})] {
    for (const auto& [reader, record] : batch) reader->deliver(record);
  };
}

void Tracing::on_decision(const Now& now, const Decision& decision) {
  for (const auto& reader : readers_) {
    if (!reader->wants(decision)) continue;
    const auto lost = reader->reserve();
    if (!lost) continue;
    TraceRecord record{.component = std::string(decision.component),
                       .what = std::string(decision.what),
                       .reason = std::string(decision.reason),
                       .peer = decision.peer,
                       .group = decision.group,
                       .wall_ms = now.wall.milliseconds,
                       .mono_ns = now.mono.time_since_epoch().count(),
                       .lost = *lost};
    for (const Decision::Field& field : decision.fields)
      if (!field.name.empty()) record.fields.push_back({std::string(field.name), field.value});
    batch_.emplace_back(reader, std::move(record));
  }
}

}  // namespace mosaik::runtime
