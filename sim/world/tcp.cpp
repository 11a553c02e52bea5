#include "sim/world/tcp.hpp"

#include <algorithm>

namespace mosaik::sim {

void Tcp::dial(const End& dialer, HostId listener, const Bytes32& token, unsigned sent) {
  if (is_cut(dialer.host, listener)) {
    scheduler_.after(Nanoseconds(1s) * (1U << sent), [this, dialer, listener, token, sent] {
      if (sent + 1 >= most_syns) return tell_(dialer, detector::SentinelEnd::failed);
      dial(dialer, listener, token, sent + 1);
    });
    return;
  }
  scheduler_.after(3 * travel(), [this, dialer, listener, token] { arrive(dialer, listener, token); });
}

void Tcp::arrive(const End& dialer, HostId listener, const Bytes32& token) {
  if (!listens_(listener) || is_cut(dialer.host, listener)) return tell_(dialer, detector::SentinelEnd::failed);
  const auto found = std::ranges::find_if(
      expected_, [&](const Expected& each) { return each.end.host == listener && each.token == token; });
  tell_(dialer, std::nullopt);
  if (found == expected_.end()) return finish(listener, dialer, 0ns, 0);
  pairs_.push_back({found->end, dialer});
  expected_.erase(found);
  ++opened_;
  tell_(pairs_.back().listener, std::nullopt);
}

void Tcp::close(const End& end) {
  std::erase_if(expected_, [&](const Expected& each) { return each.end == end; });
  const auto found =
      std::ranges::find_if(pairs_, [&](const Pair& pair) { return pair.listener == end || pair.dialer == end; });
  if (found == pairs_.end()) return;
  const End other = found->listener == end ? found->dialer : found->listener;
  pairs_.erase(found);
  finish(end.host, other, 0ns, 0);
}

void Tcp::part(HostId one, HostId other) {
  std::vector<Pair> gone;
  std::erase_if(pairs_, [&](const Pair& pair) {
    const auto ends = std::minmax(pair.listener.host, pair.dialer.host);
    if (ends != std::minmax(one, other)) return false;
    gone.push_back(pair);
    return true;
  });
  for (const Pair& pair : gone) {
    finish(pair.listener.host, pair.dialer, 0ns, 0);
    finish(pair.dialer.host, pair.listener, 0ns, 0);
  }
}

void Tcp::ended(HostId host, unsigned run) {
  const auto held = [&](const End& end) { return end.host == host && end.run == run; };
  std::erase_if(expected_, [&](const Expected& each) { return held(each.end); });
  const std::optional<Nanoseconds> late = burial();
  std::vector<Pair> gone;
  std::erase_if(pairs_, [&](const Pair& pair) {
    if (!held(pair.listener) && !held(pair.dialer)) return false;
    gone.push_back(pair);
    return true;
  });
  if (!late) return;
  for (const Pair& pair : gone) finish(host, held(pair.listener) ? pair.dialer : pair.listener, *late, 0);
}

void Tcp::finish(HostId from, const End& to, Nanoseconds late, unsigned sent) {
  scheduler_.after(late + travel(), [this, from, to, sent] {
    const bool lost = rng_.below(1'000'000) < network_.weather().loss;
    if (!network_.is_cut(from, to.host) && !lost) return tell_(to, detector::SentinelEnd::finished);
    if (sent < 12) finish(from, to, Nanoseconds(200ms) * (1U << std::min(sent, 8U)), sent + 1);
  });
}

std::optional<Nanoseconds> Tcp::burial() {
  switch (rng_.below(16)) {
    case 0: return std::nullopt;
    case 1:
    case 2: return rng_.between(40ms, 1s);
    case 3:
    case 4:
    case 5: return rng_.between(3ms, 40ms);
    default: return rng_.between(0ms, 3ms);
  }
}

}  // namespace mosaik::sim
