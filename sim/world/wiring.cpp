#include "sim/world/wiring.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace mosaik::sim {

Wiring::Wiring(Scheduler& scheduler, Hosts& hosts, const Rng& rng, Ends ends)
    : scheduler_(scheduler),
      hosts_(hosts),
      network_(scheduler, rng, std::move(ends.deliver)),
      zone_(rng),
      healthy_zone_(rng),
      tcp_(scheduler, rng, network_, std::move(ends.tell), std::move(ends.listens)) {}

std::vector<SocketAddress> Wiring::own_addresses(const Host& of) const {
  if (!routed()) return {of.address};
  if (!of.spec.sees_interfaces) return {};
  std::vector<SocketAddress> out;
  for (const SocketAddress& address : routes_.addresses(of.id)) out.push_back(address.with_port(of.address.port()));
  std::ranges::sort(out);
  if (out.empty()) out.push_back(SocketAddress::v4({127, 0, 0, 1}, of.address.port()));
  return out;
}

std::uint16_t Wiring::port_of(Host& of, std::uint8_t outlet) {
  Host::Outlet& socket = of.outlets[outlet];
  if (socket.port == 0 || scheduler_.now() - socket.used >= limits::fresh_port_idle) {
    routes_.close(of.id, socket.port);
    socket.port = of.next_port++;
  }
  socket.used = scheduler_.now();
  return socket.port;
}

std::optional<Routes::IncomingHandshake> Wiring::route(Host& from, const DatagramPath& path) {
  if (routed()) {
    const SocketAddress local = path.outlet == 0 ? path.local : path.local.with_port(port_of(from, path.outlet));
    return routes_.send(scheduler_.now(), from.id, local, path.remote);
  }
  const Host* const to = hosts_.holder_of(path.remote);
  if (to == nullptr) return std::nullopt;
  return Routes::IncomingHandshake{.to = to->id, .source = from.address, .local = to->address};
}

void Wiring::close_outlets(Host& host) {
  for (const auto& [outlet, socket] : host.outlets) routes_.close(host.id, socket.port);
  host.outlets.clear();
}

bool Wiring::may_refuse(HostId from, HostId to) {
  const Now now{.mono = scheduler_.now(), .boot = {}, .wall = {}};
  return refusals_.try_emplace({from, to}, 6, 1, now.mono).first->second.take_whole(now.mono);
}

void Wiring::forget_mappings() {
  routes_.forget_mappings();
  routes_.note_change();
}

void Wiring::remember() {
  healthy_ = routes_;
  healthy_zone_ = zone_;
  for (const auto& of : hosts_.all()) of->home = of->address;
}

void Wiring::heal() {
  for (std::uint32_t i = 0; i < routes_.segments().size(); ++i) routes_.segment({i}).swallowing = 0;
  zone_ = healthy_zone_;
  zone_.set_mood(Names::Mood::truthful);
  for (const auto& of : hosts_.all()) {
    of->exhausted_until = {};
    if (of->retired) continue;
    std::vector<Interface> interfaces = healthy_.interfaces(of->id);
    for (Interface& each : interfaces) each.up = true;
    routes_.interfaces(of->id) = std::move(interfaces);
    of->address = of->home;
  }
}

}  // namespace mosaik::sim
