// Worlds with routes: where datagrams go, what a process learns of its own addresses, and which pairs could reach one
// another, as only the world knows.

#include <algorithm>

#include "sim/world/world.hpp"

namespace mosaik::sim {

namespace {
/// The least that QUIC needs of a path (RFC 9000 14).
constexpr std::size_t quic_datagram = 1200;
/// An ICMP message quotes so much of the datagram at least (RFC 1812 4.3.2.3).
constexpr std::size_t most_quoted = 520;
/// Until a process has heard of a change of its interfaces; or looks for itself, where its system does not tell
/// (runtime/loop.cpp).
constexpr Nanoseconds heard_after = 5ms;
constexpr Nanoseconds look_unwatched = 60s;
/// A bond is used at least so often.
constexpr Nanoseconds lately = 3s;

std::pair<HostId, HostId> pair_of(HostId one, HostId other) {
  return one < other ? std::pair(one, other) : std::pair(other, one);
}
}  // namespace

std::vector<SocketAddress> World::own_addresses(const Host& of) const {
  if (!routed()) return {of.address};
  if (!of.spec.sees_interfaces) return {};
  std::vector<SocketAddress> out;
  for (const SocketAddress& address : routes_.addresses(of.id)) out.push_back(address.with_port(of.address.port()));
  std::ranges::sort(out);
  if (out.empty()) out.push_back(SocketAddress::v4({127, 0, 0, 1}, of.address.port()));
  return out;
}

void World::on_interfaces(HostId id) {
  routes_.note_change();
  const Host& of = host(id);
  if (!of.program || !of.spec.sees_interfaces) return;
  scheduler_.after(of.spec.hears_of_changes ? heard_after : look_unwatched, [this, id, run = of.incarnation] {
    const Host& here = host(id);
    if (here.incarnation != run) return;
    const std::vector<SocketAddress> own = own_addresses(here);
    request(id, [own, said = here.spec.advertise.empty() ? own : here.spec.advertise](Program& program, const Now& at) {
      program.set_addresses(at, said, own);
    });
  });
}

void World::remember_networks() {
  healthy_ = routes_;
  healthy_zone_ = zone_;
  for (const auto& of : hosts_) of->home = of->address;
}

void World::heal_networks() {
  if (!routed()) return;
  for (std::uint32_t i = 0; i < routes_.segments().size(); ++i) routes_.segment({i}).swallowing = 0;
  zone_ = healthy_zone_;
  zone_.set_mood(Names::Mood::truthful);
  for (const auto& of : hosts_) {
    of->exhausted_until = {};
    if (of->retired) continue;
    std::vector<Interface> interfaces = healthy_.interfaces(of->id);
    for (Interface& each : interfaces) each.up = true;
    routes_.interfaces(of->id) = std::move(interfaces);
    of->address = of->home;
  }
  for (const auto& of : hosts_) on_interfaces(of->id);
}

void World::keep_lookups(Host& of) {
  for (const Lookup& lookup : of.program->take_lookups()) {
    Names::Answer answer = zone_.look_up(lookup.host);
    trace_.note(scheduler_.now(), of.spec.name,
                "asks for " + lookup.host + ": " +
                    (answer.addresses ? std::to_string(answer.addresses->size()) + " addresses" : "none"));
    if (answer.addresses)
      for (SocketAddress& address : *answer.addresses) address = address.with_port(lookup.port);
    scheduler_.after(answer.after, [this, id = of.id, run = of.incarnation, lookup, found = answer.addresses] {
      if (host(id).incarnation != run) return;
      request(id, [lookup, found](Program& program, const Now& at) { program.on_resolved(at, lookup, found); });
    });
  }
}

std::uint16_t World::port_of(Host& of, std::uint8_t outlet) {
  Host::Outlet& socket = of.outlets[outlet];
  if (socket.port == 0 || scheduler_.now() - socket.used >= limits::fresh_port_idle) {
    routes_.close(of.id, socket.port);
    socket.port = of.next_port++;
  }
  socket.used = scheduler_.now();
  return socket.port;
}

std::optional<Routes::IncomingHandshake> World::route(Host& from, const DatagramPath& path) {
  if (routed()) {
    const SocketAddress local = path.outlet == 0 ? path.local : path.local.with_port(port_of(from, path.outlet));
    auto out = routes_.send(scheduler_.now(), from.id, local, path.remote);
    if (out) sent_to_[{from.id, out->to}][path.remote] = scheduler_.now();
    return out;
  }
  const auto to = std::ranges::find(hosts_, path.remote, [](const auto& each) { return each->address; });
  if (to == hosts_.end()) return std::nullopt;
  return Routes::IncomingHandshake{.to = (*to)->id, .source = from.address, .local = (*to)->address};
}

void World::tell_too_big(const Host& from, const SocketAddress& remote, BytesView sent, std::size_t mtu) {
  const TooBig what{.fits = mtu - Routes::header_bytes, .sent = sent.size()};
  std::vector<std::uint8_t> quoted(sent.begin(),
                                   sent.begin() + static_cast<std::ptrdiff_t>(std::min(sent.size(), most_quoted)));
  scheduler_.after(network_.weather().delay, [this, id = from.id, run = from.incarnation, remote, what, quoted] {
    if (host(id).incarnation != run) return;
    request(id,
            [remote, what, quoted](Program& program, const Now& at) { program.on_too_big(at, remote, quoted, what); });
  });
}

// ------------------------------------------------------------------------------------------------ who reaches whom

/// An address that `from` knows of `to` leads to it, and the answer back.
bool World::can_reach(const Host& from, const Host& to) {
  if (network_.is_cut(from.id, to.id) || network_.is_cut(to.id, from.id)) return false;
  std::vector<SocketAddress> known;
  for (const identity::EntryRef& entry : from.program->catalog(now_of(from)))
    if (entry->id() == to.peer) known = entry->entry.sockets();
  return std::ranges::any_of(known, [&](const SocketAddress& address) {
    return routes_.answers(scheduler_.now(), from.id, address, quic_datagram) == to.id;
  });
}

bool World::in_touch(const Host& from, const Host& to) {
  if (network_.is_cut(from.id, to.id)) return false;
  std::map<SocketAddress, Mono>& sent = sent_to_[{from.id, to.id}];
  std::erase_if(sent, [&](const auto& item) { return item.second + lately < scheduler_.now(); });
  return !sent.empty() && std::ranges::all_of(sent, [&](const auto& item) {
    return routes_.answers(scheduler_.now(), from.id, item.first, quic_datagram) == to.id;
  });
}

void World::note_reach() {
  if (!routed()) return;
  changes_seen_ = network_.changes() + routes_.changes();
  Since reachable;
  Since in_touch_now;
  const auto note = [&](const Since& before, Since& now, const std::pair<HostId, HostId>& pair) {
    const auto known = before.find(pair);
    now.emplace(pair, known == before.end() ? scheduler_.now() : known->second);
  };
  for (const auto& [one_id, one] : truth_.current()) {
    for (const auto& [other_id, other] : truth_.current()) {
      if (!(one_id < other_id) || !should_bond(*one, *other)) continue;
      const Host& a = host(one_id);
      const Host& b = host(other_id);
      if (can_reach(a, b) || can_reach(b, a)) note(reachable_, reachable, pair_of(one_id, other_id));
      if (in_touch(a, b) && in_touch(b, a)) note(in_touch_, in_touch_now, pair_of(one_id, other_id));
    }
  }
  reachable_ = std::move(reachable);
  in_touch_ = std::move(in_touch_now);
}

std::optional<Mono> World::reachable_since(HostId one, HostId other) const {
  const auto found = reachable_.find(pair_of(one, other));
  return found == reachable_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Mono> World::in_touch_since(HostId one, HostId other) const {
  const auto found = in_touch_.find(pair_of(one, other));
  return found == in_touch_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace mosaik::sim
