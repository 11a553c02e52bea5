#include "sim/world/network.hpp"

#include <algorithm>

namespace mosaik::sim {

Network::Path& Network::path(HostId from, HostId to) {
  const auto found = paths_.find({from, to});
  if (found != paths_.end()) return found->second;
  const Rng stream = rng_.fork("path", std::uint64_t{from.value} << 32U | to.value);
  return paths_.emplace(std::pair(from, to), Path(stream)).first->second;
}

void Network::heal(HostId from, HostId to) {
  Path& way = path(from, to);
  ++changes_;
  if (way.cuts > 0) --way.cuts;
}

bool Network::is_cut(HostId from, HostId to) const {
  const auto found = paths_.find({from, to});
  return found != paths_.end() && found->second.cuts > 0;
}

void Network::heal_all() {
  ++changes_;
  for (auto& [ends, way] : paths_) {
    way.cuts = 0;
    way.own.reset();
    way.in_burst = false;
    way.clogged_until = {};
  }
}

bool Network::is_lost(Path& way, const Weather& weather) {
  if (way.in_burst) {
    way.in_burst = way.rng.below(8) != 0;
    return true;
  }
  way.in_burst = chance(way.rng, weather.burst);
  return way.in_burst || chance(way.rng, weather.loss);
}

void Network::remember(Path& way, const Datagram& datagram) {
  if (way.past.size() < remembered) {
    way.newest = way.past.size();
    way.past.push_back(datagram);
    return;
  }
  // The first quarter is kept for ever: the oldest are the most interesting to replay.
  way.next_past = std::max(remembered / 4, (way.next_past + 1) % remembered);
  way.newest = way.next_past;
  way.past[way.next_past] = datagram;
}

void Network::send(Mono departure, Datagram datagram) {
  Path& way = path(datagram.from, datagram.to);
  const Weather& weather = way.own ? *way.own : weather_;
  ++counters_.sent;
  remember(way, datagram);
  if (way.cuts > 0) {
    ++counters_.cut;
    return;
  }
  if (is_lost(way, weather)) {
    ++counters_.lost;
    return;
  }
  if (weather.bytes_a_second != 0) {
    way.free_at = std::max(way.free_at, departure);
    const auto waiting =
        static_cast<std::uint64_t>((way.free_at - departure) / 1us) * weather.bytes_a_second / 1'000'000;
    if (waiting + datagram.bytes.size() > weather.queue_bytes) {
      ++counters_.overflowed;
      return;
    }
    way.free_at +=
        Nanoseconds(static_cast<std::int64_t>(datagram.bytes.size() * 1'000'000'000 / weather.bytes_a_second));
    departure = way.free_at;
  }
  if (chance(way.rng, weather.corrupt) && !datagram.bytes.empty()) {
    const std::uint64_t bit = way.rng.below(datagram.bytes.size() * 8);
    datagram.bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    ++counters_.corrupted;
  }
  if (chance(way.rng, weather.duplicate)) {
    ++counters_.duplicated;
    travel(way, weather, departure, datagram);
  }
  if (chance(way.rng, weather.replay)) {
    ++counters_.replayed;
    travel(way, weather, departure, way.past[way.rng.below(way.past.size())]);
  }
  travel(way, weather, departure, std::move(datagram));
}

void Network::travel(Path& way, const Weather& weather, Mono departure, Datagram datagram) {
  const Nanoseconds least = std::max<Nanoseconds>(weather.delay - weather.jitter, 1us);
  const Nanoseconds span = way.rng.between(least, weather.delay + weather.jitter);
  const Mono arrival = std::max(departure, way.clogged_until) + span;
  scheduler_.at(arrival, [this, datagram = std::move(datagram)]() mutable {
    ++counters_.delivered;
    deliver_(std::move(datagram));
  });
}

std::vector<std::uint8_t> Network::last_sent(HostId from, HostId to) const {
  const auto found = paths_.find({from, to});
  if (found == paths_.end() || found->second.past.empty()) return {};
  return found->second.past[found->second.newest].bytes;
}

Mono Network::drained_at(HostId from, HostId to) const {
  const auto found = paths_.find({from, to});
  return found == paths_.end() ? Mono{} : std::max(found->second.free_at, found->second.clogged_until);
}

std::size_t Network::replay(HostId from, HostId to, std::size_t most) {
  Path& way = path(from, to);
  const std::size_t count = std::min(most, way.past.size());
  for (std::size_t i = 0; i < count; ++i) {
    ++counters_.replayed;
    travel(way, weather_, scheduler_.now(), way.past[i]);
  }
  return count;
}

}  // namespace mosaik::sim
