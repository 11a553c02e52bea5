#include "bonds/heartbeat.hpp"

#include <algorithm>

namespace mosaik::bonds {

Heartbeat::Heartbeat(const HeartbeatConfig& config, const Now& now, Rng rng)
    : config_(config), rng_(rng), tick_(now.mono), last_received_(now.mono) {
  config_.jitter = std::clamp(config_.jitter, Nanoseconds{}, config_.base);
}

Nanoseconds Heartbeat::draw() {
  return std::max<Nanoseconds>(rng_.between(config_.base - config_.jitter, config_.base), 1ms);
}

void Heartbeat::reset(const Now& now) {
  missed_ = 0;
  last_received_ = now.mono;
  tick_ = now.mono + draw();
}

bool Heartbeat::on_time(const Now& now) {
  if (now.mono < tick_) return false;
  if (now.mono - last_received_ > config_.base + config_.jitter && ++missed_ >= config_.max_missed) alert_ = true;
  tick_ = now.mono + draw();
  return true;
}

}  // namespace mosaik::bonds
