#pragma once
// The bodies of world.hpp.

#include <algorithm>

#include "bonds/world.hpp"

namespace mosaik::test {

inline Host::Host(World& world, std::size_t rank)
    : world_(world), rank_(rank), id_(crypto::SecretKey::from_seed(ranked_seeds().at(rank)).id()) {}

// ------------------------------------------------------------------------------------------------ time

inline void World::plan_wake(Host& host) {
  if (!host.alive_) return;
  const Mono at_time = host.next_deadline();
  if (at_time == never || at_time >= host.wake_) return;
  host.wake_ = std::max(at_time, timeline_.mono());
  at(host.wake_, [this, &host, planned = host.wake_] {
    if (host.wake_ != planned || !host.alive_) return;
    host.wake_ = never;
    if (host.next_deadline() <= timeline_.mono()) host.on_timer();
    plan_wake(host);
  });
}

inline Host* World::find(const PeerId& id) const {
  const auto found = std::ranges::find_if(hosts_, [&](const auto& host) { return host->id() == id; });
  return found == hosts_.end() ? nullptr : found->get();
}

// ------------------------------------------------------------------------------------------------ faults

inline void World::heal_all() {
  cuts_.clear();
  for (Conn& conn : conns_) {
    for (std::size_t end = 0; end < 2; ++end) {
      std::deque<Packet> stuck = std::exchange(conn.ends[end].stuck, {});
      for (Packet& packet : stuck) post({&conn, 1 - end}, std::move(packet));
    }
  }
}

inline void World::kill(Host& host) {
  host.alive_ = false;
  ++host.life_;
  host.inbox_.clear();
  host.wake_ = never;
}

inline void World::sync(Host& from, const PeerId& to) {
  Host* other = find(to);
  const bool reachable = !weather.syncs_fail && other != nullptr && other->alive() &&
                         !cuts_.contains({from.rank(), other->rank()}) && !cuts_.contains({other->rank(), from.rank()});
  after(2 * draw_delay(), [this, &from, other, to, reachable, life = from.life_] {
    if (!from.alive() || from.life_ != life) return;
    if (reachable && other->alive()) {
      other->meet(from.own_entry());
      from.meet(other->own_entry());
      plan_wake(*other);
    }
    from.on_synced(to, reachable && other->alive());
    plan_wake(from);
  });
}

// ------------------------------------------------------------------------------------------------ links

inline std::optional<World::Place> World::place(const Host& host, LinkId link) const {
  const auto found = places_.find(link);
  if (found == places_.end() || found->second.here().host != &host) return std::nullopt;
  return found->second;
}

inline Result<LinkId> World::dial(Host& from, const DialRequest& request) {
  if (request.addresses.empty()) return fail(Errc::invalid_argument, "no address to dial");
  ++dials;
  Conn& conn = conns_.emplace_back();
  conn.alpn = request.alpn;
  conn.wanted = request.peer;
  const std::uint64_t number = conns_.size();
  conn.secret = crypto::hash({bytes_of("secret " + std::to_string(number))});
  const LinkId link{++last_link_};
  conn.ends[0] = End{.host = &from, .life = from.life_, .id = link};
  places_[link] = {&conn, 0};
  for (const auto& host : hosts_)
    if (host->address() == request.addresses.front()) conn.ends[1].host = host.get();
  post({&conn, 0}, {.kind = Kind::initial});
  after(limits::quic_handshake_timeout, [this, &conn] {
    if (conn.ends[0].state == State::opening)
      shut({&conn, 0}, {.by = ClosedBy::handshake, .reason = "the handshake timed out"});
  });
  return link;
}

inline SendResult World::send(Host& from, LinkId link, BytesView payload) {
  const auto at_place = place(from, link);
  if (!at_place || at_place->here().state != State::open || at_place->here().leaving) return SendResult::closed;
  if (at_place->end == 0 && at_place->conn->first_sent == never) at_place->conn->first_sent = timeline_.mono();
  post(*at_place, {.kind = Kind::frame, .payload = {payload.begin(), payload.end()}});
  return SendResult::queued;
}

inline void World::finish(Host& from, LinkId link, bool clean) {
  if (const auto at_place = place(from, link)) post(*at_place, {.kind = Kind::fin, .clean = clean});
}

inline void World::close(Host& from, LinkId link, CloseCode code, CloseMode mode) {
  const auto found = place(from, link);
  if (!found || found->here().state == State::closed) return;
  const Place at_place = *found;
  const auto value = static_cast<std::uint64_t>(code);
  if (mode == CloseMode::after_flush) {
    at_place.here().leaving = true;
    at_place.here().code = value;
    post(at_place, {.kind = Kind::flush});
    after(limits::departure_flush, [this, at_place, code] {
      if (at_place.here().state != State::closed)
        close(*at_place.here().host, at_place.here().id, code, CloseMode::at_once);
    });
    return;
  }
  shut(at_place, {.by = ClosedBy::us, .application = true, .code = value, .reason = std::string(reason_of(code))});
  post(at_place, {.kind = Kind::close, .code = value});
}

inline void World::set_frame_limit(Host& from, LinkId link, std::size_t bytes) {
  if (const auto at_place = place(from, link)) at_place->here().frame_limit = bytes;
}

inline Result<Bytes32> World::exporter(const Host& from, LinkId link, BytesView label) const {
  const auto at_place = place(from, link);
  if (!at_place || at_place->here().state != State::open) return fail(Errc::not_found, "no such link");
  return crypto::hash({at_place->conn->secret, label});
}

inline bool World::is_open(const Host& host, LinkId link) const {
  const auto at_place = place(host, link);
  return at_place && at_place->here().state == State::open;
}

// ------------------------------------------------------------------------------------------------ the wire

inline void World::post(const Place& from, Packet packet) {
  End& to = from.there();
  if (to.host == nullptr) return;  // nothing has that address
  const bool held_up = cuts_.contains({from.here().host->rank(), to.host->rank()});
  // A close is one datagram, the rest is retransmitted.
  if (held_up && packet.kind == Kind::close) return;
  if (held_up || !to.stuck.empty()) {
    to.stuck.push_back(std::move(packet));
    return;
  }
  to.last_arrival = std::max(to.last_arrival + 1ns, timeline_.mono() + draw_delay());
  at(to.last_arrival, [this, place = Place{from.conn, 1 - from.end}, packet = std::move(packet)]() mutable {
    arrive(place, std::move(packet));
  });
}

inline void World::arrive(const Place& to, Packet packet) {
  if (packet.kind == Kind::initial) return arrive_initial(to);
  End& end = to.here();
  if (!end.host->alive() || end.host->life_ != end.life || end.state == State::closed) return on_dead_end(to, packet);
  switch (packet.kind) {
    case Kind::initial: return;
    case Kind::ack:
      end.state = State::open;
      return tell(
          end, LinkOpened{end.id, to.there().host->id(), to.conn->alpn, Side::initiator, to.there().host->address()});
    case Kind::frame:
      if (to.end == 1 && to.conn->first_arrived == never) to.conn->first_arrived = timeline_.mono();
      return tell(end, LinkFrame{end.id, {}}, std::move(packet.payload));
    case Kind::fin: return tell(end, LinkEnded{end.id, packet.clean});
    case Kind::close:
      return shut(to, {.by = end.state == State::open ? ClosedBy::peer : ClosedBy::handshake,
                       .application = true,
                       .code = packet.code,
                       .reason = std::string(reason_of(static_cast<CloseCode>(packet.code)))});
    case Kind::flush: return post(to, {.kind = Kind::flushed});
    case Kind::flushed: return close(*end.host, end.id, static_cast<CloseCode>(end.code), CloseMode::at_once);
  }
}

inline void World::arrive_initial(const Place& to) {
  End& end = to.here();
  if (to.there().state == State::closed || end.state != State::opening) return;
  if (!end.host->alive()) return on_dead_end(to, {.kind = Kind::initial});
  if (end.host->id() != to.conn->wanted) return;
  end.life = end.host->life_;
  end.id = {++last_link_};
  end.state = State::open;
  places_[end.id] = {to.conn, to.end};
  tell(end, LinkOpened{end.id, to.there().host->id(), to.conn->alpn, Side::acceptor, to.there().host->address()});
  post(to, {.kind = Kind::ack});
}

// The end is closed, or its process is gone: the sender gets to know, if anybody is there to tell.
inline void World::on_dead_end(const Place& to, const Packet& packet) {
  if (packet.kind == Kind::close) return;
  End& end = to.here();
  if (!end.host->alive()) {
    if (!weather.port_unreachable) return;
    after(draw_delay(), [this, from = Place{to.conn, 1 - to.end}] {
      End& sender = from.here();
      if (!sender.host->alive() || sender.life != sender.host->life_ || sender.state == State::closed) return;
      if (sender.state == State::open) return tell(sender, LinkUnreachable{sender.id});
      shut(from, {.by = ClosedBy::handshake, .reason = "nobody listens there"});
    });
    return;
  }
  if (end.host->life_ == end.life) return post(to, {.kind = Kind::close, .code = end.code});
  after(draw_delay(), [this, from = Place{to.conn, 1 - to.end}] {
    End& sender = from.here();
    if (sender.host->alive() && sender.life == sender.host->life_ && sender.state == State::open)
      shut(from, {.by = ClosedBy::stateless_reset, .reason = "stateless reset"});
  });
}

inline void World::shut(const Place& at_place, const CloseInfo& info) {
  End& end = at_place.here();
  end.state = State::closed;
  end.by_us = info.by == ClosedBy::us;
  end.code = info.code;
  if (end.host->alive() && end.host->life_ == end.life) tell(end, LinkClosed{end.id, info});
}

inline void World::tell(End& end, LinkEvent event, std::vector<std::uint8_t> payload) {
  Host& host = *end.host;
  host.inbox_.push_back({std::move(event), std::move(payload)});
  if (std::exchange(host.taking_up_, true)) return;
  after(rng_.between(0ns, weather.service), [this, &host] { take_up(host); });
}

inline void World::take_up(Host& host) {
  host.taking_up_ = false;
  while (host.alive() && !host.inbox_.empty()) {
    Host::Queued queued = std::move(host.inbox_.front());
    host.inbox_.pop_front();
    const LinkId link = std::visit([](const auto& any) { return any.link; }, queued.event);
    const auto at_place = place(host, link);
    const bool last = std::holds_alternative<LinkClosed>(queued.event);
    // What we closed ourselves says nothing more but that it is closed.
    if (!at_place || (!last && at_place->here().state == State::closed && at_place->here().by_us)) continue;
    if (auto* frame = std::get_if<LinkFrame>(&queued.event)) {
      frame->payload = queued.payload;
      if (queued.payload.size() > at_place->here().frame_limit) queued.event = LinkOversized{link};
    }
    host.on_event(queued.event);
  }
  plan_wake(host);
}

inline std::vector<World::FirstFrame> World::first_frames() const {
  std::vector<FirstFrame> out;
  for (const Conn& conn : conns_) out.push_back({conn.ends[0].host->rank(), conn.first_sent, conn.first_arrived});
  return out;
}

}  // namespace mosaik::test
