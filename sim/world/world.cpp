#include "sim/world/world.hpp"

namespace mosaik::sim {

namespace {
constexpr Nanoseconds sweep_pause = 250ms;
constexpr std::uint64_t spin_limit = 20'000;
}  // namespace

World::World(std::uint64_t seed, const Knobs& knobs)
    : knobs_(knobs),
      rng_(seed),
      roster_(knobs.timing),
      wiring_(scheduler_, hosts_, rng_,
              {.deliver = [this](Network::Datagram datagram) { processes_.deliver(std::move(datagram)); },
               .tell = [this](const Tcp::End& end,
                              std::optional<detector::SentinelEnd> how) { processes_.on_sentinel(end, how); },
               .listens =
                   [this](HostId at) {
                     return host(at).program != nullptr && host(at).exhausted_until <= scheduler_.now();
                   }}),
      reach_(scheduler_, hosts_, wiring_, truth_, roster_),
      judge_(*this, scheduler_, trace_),
      processes_({.knobs = knobs_,
                  .peace = peace_,
                  .scheduler = scheduler_,
                  .trace = trace_,
                  .hosts = hosts_,
                  .roster = roster_,
                  .truth = truth_,
                  .wiring = wiring_,
                  .reach = reach_,
                  .judge = judge_}) {
  scheduler_.after(sweep_pause, [this] { sweep(); });
}

void World::make_peace() noexcept {
  peace_.make();
  knobs_.inbox = usual_inbox;
  knobs_.datagrams_a_turn = limits::datagrams_per_step;
}

void World::heal_networks() {
  if (!wiring_.routed()) return;
  wiring_.heal();
  for (const auto& host : hosts_.all()) processes_.on_interfaces(host->id);
}

bool World::step(Mono until) {
  const bool more = scheduler_.step(until);
  reach_.note_changes();
  if (scheduler_.at_once() > spin_limit) judge_.fail("time.passes", "the world spins without time passing");
  return more && !judge_.failure();
}

void World::sweep() {
  processes_.check_invariants();
  reach_.note();
  judge_.on_sweep();
  scheduler_.after(sweep_pause, [this] { sweep(); });
}

}  // namespace mosaik::sim
