#include "bonds/heartbeat.hpp"

#include <algorithm>

namespace mosaik::bonds {

Heartbeat::Heartbeat(const HeartbeatConfig& config, const Now& now)
    : config_(config), tick_(now.mono), last_received_(now.mono) {
  config_.jitter = std::clamp(config_.jitter, Nanoseconds{}, config_.base);
}

Mono Heartbeat::draw(const Now& now, Pulse& pulse) const {
  const Nanoseconds least = std::max<Nanoseconds>(config_.base - config_.jitter, 1ms);
  return pulse.draw(now.mono + least, now.mono + std::max(config_.base, least));
}

void Heartbeat::reset(const Now& now, Pulse& pulse) {
  missed_ = 0;
  last_received_ = now.mono;
  tick_ = draw(now, pulse);
}

void Heartbeat::part_came(const Now& now) noexcept {
  last_received_ = now.mono;
  missed_ = 0;
}

bool Heartbeat::on_time(const Now& now, Pulse& pulse) {
  if (now.mono < tick_) return false;
  if (now.mono - last_received_ > config_.base + config_.jitter && ++missed_ >= config_.max_missed) alert_ = true;
  tick_ = draw(now, pulse);
  return true;
}

}  // namespace mosaik::bonds
