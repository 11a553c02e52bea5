#include "sim/world/routes.hpp"

#include <algorithm>

namespace mosaik::sim {

namespace {

SocketAddress ip_of(const SocketAddress& address) {
  return address.with_port(0);
}

bool share_prefix(const SocketAddress& one, const SocketAddress& other, unsigned bits) {
  if (one.family() != other.family()) return false;
  for (std::size_t i = 0; i < bits; ++i)
    if (((one.octets()[i / 8] ^ other.octets()[i / 8]) >> (7 - i % 8) & 1U) != 0) return false;
  return true;
}

constexpr std::uint16_t first_other_port = 20'000;

}  // namespace

SegmentId Routes::add(Segment segment) {
  segments_.push_back(std::move(segment));
  return {static_cast<std::uint32_t>(segments_.size() - 1)};
}

std::vector<SocketAddress> Routes::addresses(HostId host) const {
  std::vector<SocketAddress> out;
  const auto found = interfaces_.find(host);
  if (found == interfaces_.end()) return out;
  for (const Interface& each : found->second)
    if (each.up) out.push_back(each.address);
  return out;
}

void Routes::forget_mappings() {
  mappings_.clear();
  next_port_ = std::max(next_port_, first_other_port);
}

// ------------------------------------------------------------------------------------------------ who has an address

bool Routes::has(HostId host, const SocketAddress& address) const {
  if (address.is_loopback()) return true;
  const std::vector<SocketAddress> own = addresses(host);
  return std::ranges::find(own, ip_of(address)) != own.end();
}

std::optional<HostId> Routes::holder(SegmentId segment, const SocketAddress& address) const {
  for (const auto& [host, interfaces] : interfaces_)
    for (const Interface& each : interfaces)
      if (each.up && each.segment == segment && each.address == ip_of(address)) return host;
  return std::nullopt;
}

const Interface* Routes::on_link(HostId host, const SocketAddress& address) const {
  const Interface* best = nullptr;
  for (const Interface& each : interfaces_.at(host)) {
    if (!each.up || !share_prefix(each.address, address, each.prefix)) continue;
    if (best == nullptr || each.prefix > best->prefix) best = &each;
  }
  return best;
}

const Interface* Routes::way_out(HostId host) const {
  for (const Interface& each : interfaces_.at(host)) {
    const Segment& segment = segments_.at(each.segment.value);
    if (each.up && (segment.gateway ? *segment.gateway != host : segment.routed)) return &each;
  }
  return nullptr;
}

void Routes::pass(Way& way, SegmentId id) const {
  const Segment& segment = segments_.at(id.value);
  way.delay += segment.delay;
  if (segment.mtu < way.mtu) way.tells_too_big = segment.tells_too_big;
  way.mtu = std::min(way.mtu, segment.mtu);
  way.swallowed = way.swallowed || segment.swallowing > 0;
}

// ------------------------------------------------------------------------------------------------ translation

SocketAddress Routes::free_source(const SocketAddress& wanted, const Packet& packet, Device at) {
  const auto taken = [&](const SocketAddress& source) {
    if (at && ports_.contains(*at) && ports_.at(*at).contains(source.port())) return true;
    return std::ranges::any_of(mappings_, [&](const Mapping& each) {
      return each.at == at && each.translated.source == source && each.translated.destination == packet.destination;
    });
  };
  SocketAddress out = next_port_ == 0 ? wanted : wanted.with_port(next_port_++);
  while (taken(out)) {
    next_port_ = std::max(next_port_, first_other_port);
    out = wanted.with_port(next_port_++);
  }
  return out;
}

void Routes::translate_packet(Mono now, Device at, Packet& packet, const std::optional<SocketAddress>& masquerade) {
  std::erase_if(mappings_, [&](const Mapping& each) { return each.expires <= now; });
  for (Mapping& each : mappings_) {
    if (each.at != at) continue;
    const bool forth = each.original.source == packet.source && each.original.destination == packet.destination;
    const bool back = each.translated.destination == packet.source && each.translated.source == packet.destination;
    if (!forth && !back) continue;
    each.answered = each.answered || back;
    each.expires = now + (each.answered ? answered_mapping : unanswered_mapping);
    packet = forth ? each.translated : Packet{each.original.destination, each.original.source};
    return;
  }
  // Linux gives the flow another source port when its answers could not be told from what another flow sends.
  const auto clashes = [&](const Packet& flow) {
    return std::ranges::any_of(mappings_, [&](const Mapping& each) {
      return each.at == at &&
             ((each.original.source == flow.destination && each.original.destination == flow.source) ||
              (each.translated.source == flow.source && each.translated.destination == flow.destination));
    });
  };
  Packet translated = packet;
  if (const auto rule = rules_.find({at, packet.destination}); rule != rules_.end())
    translated.destination = rule->second;
  if (masquerade) translated.source = free_source(masquerade->with_port(packet.source.port()), translated, at);
  if (translated.source == packet.source && translated.destination == packet.destination) return;
  while (clashes(translated)) {
    next_port_ = std::max(next_port_, first_other_port);
    translated.source = translated.source.with_port(next_port_++);
  }
  mappings_.push_back({at, packet, translated, now + unanswered_mapping, false});
  packet = translated;
}

// ------------------------------------------------------------------------------------------------ the way

std::optional<HostId> Routes::forward(Mono now, HostId at, Packet& packet, Way& way) {
  if (has(at, packet.destination)) return at;
  if (const Interface* link = on_link(at, packet.destination)) {
    pass(way, link->segment);
    return holder(link->segment, packet.destination);
  }
  const Interface* out = way_out(at);
  if (out == nullptr) return std::nullopt;
  pass(way, out->segment);
  if (const Device gateway = segments_.at(out->segment.value).gateway) {
    // A datagram for the gateway itself keeps its source.
    const Interface* beyond = on_link(*gateway, packet.destination);
    if (beyond == nullptr) beyond = way_out(*gateway);
    const bool leaves = beyond != nullptr && !has(*gateway, packet.destination);
    translate_packet(now, gateway, packet, leaves ? std::optional(beyond->address) : std::nullopt);
    return forward(now, *gateway, packet, way);
  }
  translate_packet(now, router, packet, std::nullopt);
  for (std::uint32_t i = 0; i < segments_.size(); ++i) {
    if (!segments_[i].routed || segments_[i].gateway) continue;
    if (const auto found = holder({i}, packet.destination)) {
      pass(way, {i});
      return found;
    }
  }
  return std::nullopt;
}

std::optional<Routes::IncomingHandshake> Routes::send(Mono now, HostId from, const SocketAddress& local,
                                                      const SocketAddress& remote) {
  if (!remote.is_v4() || !interfaces_.contains(from)) return std::nullopt;
  Packet packet{.source = local, .destination = remote};
  if (local.is_unspecified() || !has(from, local)) {
    const Interface* out = on_link(from, remote);
    if (out == nullptr) out = way_out(from);
    if (has(from, remote))
      packet.source = ip_of(remote);
    else if (out != nullptr)
      packet.source = out->address;
  }
  packet.source = packet.source.with_port(local.port() != 0 ? local.port() : port(from));
  ports_[from].insert(packet.source.port());

  Way way;
  auto to = forward(now, from, packet, way);
  if (!to) return std::nullopt;
  // What a host publishes for its containers, and the answers to what they sent.
  translate_packet(now, *to, packet, std::nullopt);
  if (!has(*to, packet.destination)) to = forward(now, *to, packet, way);
  if (!to) return std::nullopt;
  return IncomingHandshake{.to = *to,
                           .source = packet.source,
                           .local = packet.destination,
                           .delay = way.delay,
                           .mtu = way.mtu,
                           .listens = ports_[*to].contains(packet.destination.port()),
                           .tells_too_big = way.tells_too_big,
                           .swallowed = way.swallowed};
}

std::optional<HostId> Routes::answers(Mono now, HostId from, const SocketAddress& remote, std::size_t bytes) {
  const auto mappings = mappings_;
  const auto next_port = next_port_;
  std::optional<HostId> out;
  const auto good = [&](const std::optional<IncomingHandshake>& arrival) {
    return arrival && arrival->listens && !arrival->swallowed && arrival->mtu >= bytes + header_bytes;
  };
  if (const auto there = send(now, from, {}, remote); good(there)) {
    const auto back = send(now, there->to, there->local, there->source);
    if (good(back) && back->to == from && back->source == remote) out = there->to;
  }
  mappings_ = mappings;
  next_port_ = next_port;
  return out;
}

}  // namespace mosaik::sim
