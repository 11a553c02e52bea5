#include "sim/world/systems.hpp"

#include <algorithm>

#include "sim/farm/trace.hpp"
#include "sim/oracle/records.hpp"
#include "sim/world/processes.hpp"

namespace mosaik::sim {

namespace {
constexpr Nanoseconds memory_pause = 1s;
/// An ICMP message quotes so much of the datagram at least (RFC 1812 4.3.2.3).
constexpr std::size_t most_quoted = 520;
/// Until a process has heard of a change of its interfaces; or looks for itself, where its system does not tell
/// (runtime/loop.cpp).
constexpr Nanoseconds heard_after = 5ms;
constexpr Nanoseconds look_unwatched = 60s;
}  // namespace

Host* Systems::running(HostId id, unsigned run) {
  Host& host = hosts_.at(id);
  return host.program && host.incarnation == run ? &host : nullptr;
}

void Systems::after_turn(Host& host) {
  keep_memory(host);
  keep_sentinels(host);
  keep_lookups(host);
  keep_log(host);
}

void Systems::keep_memory(Host& of) {
  StatePort* const state = of.program->state();
  if (state == nullptr || !state->take_memory_changed() || !of.spec.persists || of.memory_due) return;
  of.memory_due = true;
  // As the runtime does it: a mesh that forms is written down once.
  scheduler_.after(of.incarnation_kept == of.incarnation ? memory_pause : Nanoseconds{},
                   [this, id = of.id, run = of.incarnation] {
                     Host* const here = running(id, run);
                     if (here == nullptr) return;
                     here->memory_due = false;
                     here->incarnation_kept = run;
                     if (!here->disk.append("memory", write_memory(here->program->state()->memory()))) return;
                     scheduler_.after(here->disk.sync_span(), [this, id, run] {
                       if (Host* const still = running(id, run)) still->disk.synced("memory");
                     });
                   });
}

void Systems::keep_log(Host& of) {
  MachinePort* const machine = of.program->machine();
  if (machine == nullptr) return;
  for (const LogRecord& record : machine->machinery().take_records()) {
    if (!of.disk.append("log", record.bytes)) {
      processes_.request(of.id, [](Program& program, const Now& at) { program.machine()->on_persist_failed(at); });
      continue;
    }
    scheduler_.after(of.disk.sync_span(), [this, id = of.id, run = of.incarnation, ticket = record.ticket] {
      Host* const here = running(id, run);
      if (here == nullptr) return;
      here->disk.synced("log");
      processes_.request(id,
                         [ticket](Program& program, const Now& at) { program.machine()->on_persisted(at, ticket); });
    });
  }
}

void Systems::keep_sentinels(Host& of) {
  SentinelPort* const port = of.program->sentinels();
  if (port == nullptr) return;
  Tcp& tcp = wiring_.tcp();
  for (const SentinelOrder& order : port->take_sentinel_orders()) {
    const auto end = [&](detector::SentinelId id) { return Tcp::End{of.id, of.incarnation, id}; };
    if (const auto* expect = std::get_if<detector::ExpectSentinel>(&order)) tcp.expect(end(expect->id), expect->token);
    if (const auto* close = std::get_if<detector::CloseSentinel>(&order)) tcp.close(end(close->id));
    const auto* dial = std::get_if<detector::DialSentinel>(&order);
    if (dial == nullptr) continue;
    if (of.exhausted_until > scheduler_.now()) {
      processes_.request(of.id, [id = dial->id](Program& program, const Now& at) {
        program.sentinels()->on_sentinel(at, id, detector::SentinelEnd::failed);
      });
      continue;
    }
    const auto arrival = route(of, {{}, dial->remote, 0});
    if (arrival && !arrival->swallowed) tcp.dial(end(dial->id), arrival->to, dial->token);
  }
}

void Systems::keep_lookups(Host& of) {
  AddressPort* const port = of.program->addresses();
  if (port == nullptr) return;
  for (const Lookup& lookup : port->take_lookups()) {
    Names::Answer answer = wiring_.zone().look_up(lookup.host);
    trace_.note(scheduler_.now(), of.spec.name,
                "asks for " + lookup.host + ": " +
                    (answer.addresses ? std::to_string(answer.addresses->size()) + " addresses" : "none"));
    if (answer.addresses)
      for (SocketAddress& address : *answer.addresses) address = address.with_port(lookup.port);
    scheduler_.after(answer.after, [this, id = of.id, run = of.incarnation, lookup, found = answer.addresses] {
      if (running(id, run) == nullptr) return;
      processes_.request(id, [lookup, found](Program& program, const Now& at) {
        program.addresses()->on_resolved(at, lookup, found);
      });
    });
  }
}

std::optional<Routes::IncomingHandshake> Systems::route(Host& from, const DatagramPath& path) {
  const auto out = wiring_.route(from, path);
  if (out) reach_.note_sent(from.id, out->to, path.remote);
  return out;
}

void Systems::on_interfaces(HostId id) {
  wiring_.routes().note_change();
  const Host& of = hosts_.at(id);
  if (!of.program || !of.spec.sees_interfaces) return;
  scheduler_.after(of.spec.hears_of_changes ? heard_after : look_unwatched, [this, id, run = of.incarnation] {
    const Host* const here = running(id, run);
    if (here == nullptr) return;
    const std::vector<SocketAddress> own = wiring_.own_addresses(*here);
    processes_.request(
        id, [own, said = here->spec.advertise.empty() ? own : here->spec.advertise](Program& program, const Now& at) {
          if (AddressPort* const port = program.addresses()) port->set_addresses(at, said, own);
        });
  });
}

void Systems::tell_too_big(const Host& from, const SocketAddress& remote, BytesView sent, std::size_t mtu) {
  const TooBig what{.fits = mtu - Routes::header_bytes, .sent = sent.size()};
  std::vector<std::uint8_t> quoted(sent.begin(),
                                   sent.begin() + static_cast<std::ptrdiff_t>(std::min(sent.size(), most_quoted)));
  scheduler_.after(wiring_.network().weather().delay,
                   [this, id = from.id, run = from.incarnation, remote, what, quoted] {
                     if (running(id, run) == nullptr) return;
                     processes_.request(id, [remote, what, quoted](Program& program, const Now& at) {
                       if (AddressPort* const port = program.addresses()) port->on_too_big(at, remote, quoted, what);
                     });
                   });
}

}  // namespace mosaik::sim
