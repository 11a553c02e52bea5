// Worlds with routes: where datagrams go, what a process learns of its own addresses, and which pairs could reach one
// another, as only the world knows.

#include <algorithm>

#include "sim/world.hpp"

namespace mosaik::sim {

namespace {
/// The least that QUIC needs of a path (RFC 9000 14).
constexpr std::size_t quic_datagram = 1200;
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
  if (!of.program || !of.spec.hears_of_changes || !of.spec.sees_interfaces || !of.spec.advertise.empty()) return;
  scheduler_.after(5ms, [this, id, run = of.incarnation] {
    if (host(id).incarnation != run) return;
    request(id, [addresses = own_addresses(host(id))](Program& program, const Now& at) {
      program.set_addresses(at, addresses);
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

std::optional<Routes::Arrival> World::route(const Host& from, const DatagramPath& path) {
  if (routed()) {
    auto out = routes_.send(scheduler_.now(), from.id, path.local, path.remote);
    if (out) sent_to_[{from.id, out->to}][path.remote] = scheduler_.now();
    return out;
  }
  const auto to = std::ranges::find(hosts_, path.remote, [](const auto& each) { return each->address; });
  if (to == hosts_.end()) return std::nullopt;
  return Routes::Arrival{.to = (*to)->id, .source = from.address, .local = (*to)->address};
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
