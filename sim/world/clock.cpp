#include "sim/world/clock.hpp"

#include <algorithm>

namespace mosaik::sim {

namespace {
constexpr std::int64_t million = 1'000'000;

/// `span` times ppm / 10^6 without overflow.
Nanoseconds share(Nanoseconds span, std::int64_t ppm) {
  const std::int64_t count = span.count();
  return Nanoseconds(count / million * ppm + count % million * ppm / million);
}
}  // namespace

Nanoseconds Clock::elapsed(Mono world) const {
  const Nanoseconds span = std::max(world - anchor_, Nanoseconds{});
  return span + share(span, ppm_);
}

Now Clock::read(Mono world) const {
  const Nanoseconds since = elapsed(world);
  const Nanoseconds mono = local_ + since;
  const Nanoseconds gained = drifted_ + since - std::max(world - anchor_, Nanoseconds{});
  const Nanoseconds true_wall = world.time_since_epoch() + gained;
  return {Mono(mono), Boot(mono + slept_), Wall{epoch_ms + (true_wall + wall_offset_) / 1ms}};
}

Mono Clock::when(Mono local, Mono world) const {
  if (local == never) return never;
  const std::int64_t wanted = std::max((local.time_since_epoch() - local_).count(), std::int64_t{});
  // The inverse of elapsed(); the loop mends what the rounding has cut.
  const std::int64_t pace = million + ppm_;
  Mono out = anchor_ + Nanoseconds(wanted / pace * million + wanted % pace * million / pace);
  while (read(out).mono < local) out += std::max<Nanoseconds>(local - read(out).mono, 1ns);
  return std::max(out, world);
}

void Clock::set_rate(Mono world, std::int64_t ppm) {
  const Nanoseconds since = elapsed(world);
  drifted_ += since - std::max(world - anchor_, Nanoseconds{});
  local_ += since;
  anchor_ = std::max(anchor_, world);
  ppm_ = ppm;
}

// The anchor lies at the end of the sleep: until then nothing has elapsed, and nobody is awake to read the other two.
void Clock::sleep_until(Mono world, Nanoseconds span) {
  set_rate(world, ppm_);
  const Mono end = std::max(anchor_, world + span);  // it may be asleep already
  slept_ += end - anchor_;
  anchor_ = end;
}

void Clock::wake(Mono world) {
  if (anchor_ <= world) return;
  slept_ -= anchor_ - world;
  anchor_ = world;
}

void Clock::set_right(Mono world) {
  set_rate(world, 0);
  drifted_ = {};
  wall_offset_ = {};
}

}  // namespace mosaik::sim
