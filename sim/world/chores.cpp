// What a process leaves behind after its turn: on its disk, and in its kernel's tables.

#include <algorithm>

#include "sim/oracle/records.hpp"
#include "sim/world/world.hpp"

namespace mosaik::sim {

namespace {
constexpr Nanoseconds memory_pause = 1s;
}

void World::keep_memory(Host& of) {
  if (!of.program->take_memory_changed() || !of.spec.persists || of.memory_due) return;
  of.memory_due = true;
  // As the runtime does it: a mesh that forms is written down once.
  scheduler_.after(of.incarnation_kept == of.incarnation ? memory_pause : Nanoseconds{},
                   [this, id = of.id, run = of.incarnation] {
                     Host& here = host(id);
                     if (!here.program || here.incarnation != run) return;
                     here.memory_due = false;
                     here.incarnation_kept = run;
                     if (!here.disk.append("memory", write_memory(here.program->memory()))) return;
                     scheduler_.after(here.disk.sync_span(), [this, id, run] {
                       if (host(id).incarnation == run && host(id).program) host(id).disk.synced("memory");
                     });
                   });
}

void World::keep_log(Host& of) {
  Machinery* machinery = of.program->machinery();
  if (machinery == nullptr) return;
  for (const LogRecord& record : machinery->take_records()) {
    if (!of.disk.append("log", record.bytes)) {
      request(of.id, [](Program& program, const Now& at) { program.on_persist_failed(at); });
      continue;
    }
    scheduler_.after(of.disk.sync_span(), [this, id = of.id, run = of.incarnation, ticket = record.ticket] {
      if (host(id).incarnation != run || !host(id).program) return;
      host(id).disk.synced("log");
      request(id, [ticket](Program& program, const Now& at) { program.on_persisted(at, ticket); });
    });
  }
}

void World::keep_sentinels(Host& of) {
  for (const SentinelOrder& order : of.program->take_sentinel_orders()) {
    const auto end = [&](detector::SentinelId id) { return Tcp::End{of.id, of.incarnation, id}; };
    if (const auto* expect = std::get_if<detector::ExpectSentinel>(&order)) tcp_.expect(end(expect->id), expect->token);
    if (const auto* close = std::get_if<detector::CloseSentinel>(&order)) tcp_.close(end(close->id));
    const auto* dial = std::get_if<detector::DialSentinel>(&order);
    if (dial == nullptr) continue;
    if (of.exhausted_until > scheduler_.now()) {
      request(of.id, [id = dial->id](Program& program, const Now& at) {
        program.on_sentinel(at, id, detector::SentinelEnd::failed);
      });
      continue;
    }
    const auto arrival = route(of, {{}, dial->remote, 0});
    if (arrival && !arrival->swallowed) tcp_.dial(end(dial->id), arrival->to, dial->token);
  }
}

}  // namespace mosaik::sim
