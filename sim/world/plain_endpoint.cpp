#include "sim/world/plain_endpoint.hpp"

#include <algorithm>

#include "crypto/hash.hpp"

namespace mosaik::sim {

namespace {
constexpr std::size_t reset_size = 25;

std::uint64_t number_of(const Bytes32& bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 8; ++i) out = out << 8U | bytes[i];
  return out;
}
}  // namespace

PlainEndpoint::PlainEndpoint(const crypto::SecretKey& key, const Rng& rng)
    : self_(key.id()), reset_key_(key.derive("stateless reset")), rng_(rng) {}

std::uint64_t PlainEndpoint::token_of(PlainCid cid) const {
  std::array<std::uint8_t, 8> bytes{};
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(cid.value >> (8 * i));
  return number_of(crypto::hash({reset_key_, bytes}));
}

PlainConnection* PlainEndpoint::find(LinkId link) const {
  const auto found = live_.find(link);
  return found == live_.end() ? nullptr : found->second.get();
}

PlainConnection::Birth PlainEndpoint::birth(Side side) {
  Connection::Birth out;
  out.link = {++last_link_};
  out.side = side;
  out.own = {rng_.next() | 1U};
  out.self = self_;
  for (std::uint8_t& byte : out.random) byte = static_cast<std::uint8_t>(rng_.next());
  out.reset_token = token_of(out.own);
  return out;
}

// ------------------------------------------------------------------------------------------------ datagrams

void PlainEndpoint::on_datagram(const Now& now, const DatagramPath& path, BytesView bytes) {
  ++counters_.datagrams_received;
  const auto packet = decode(bytes);
  if (!packet) return;
  if (packet->kind == PacketKind::reset) return on_reset(now.mono, *packet);
  if (packet->kind == PacketKind::initial) {
    if (!opens(bytes, 0)) return;
    if (const auto known = accepted_.find({path.remote, packet->from}); known != accepted_.end()) {
      if (Connection* connection = find(known->second)) connection->on_initial(*packet);
      return;
    }
    if (backlog_.size() < limits::handshake_backlog)
      backlog_.push_back({path, {bytes.begin(), bytes.end()}});
    else
      ++counters_.dropped_initials;
    return;
  }
  const auto link = cids_.find(packet->to);
  if (link != cids_.end()) {
    Connection& connection = *find(link->second);
    connection.on_packet(now.mono, path, *packet, bytes);
    return settle(now.mono, connection);
  }
  if (const auto gone = closing_connections_.find(packet->to); gone != closing_connections_.end()) {
    // Answers become rarer, so that two closing ends fall silent.
    const unsigned count = ++gone->second.late;
    if (!gone->second.packet.empty() && (count & (count - 1)) == 0)
      outgoing_.push_back({gone->second.path, gone->second.packet});
    return;
  }
  answer_stranger(path, *packet, bytes.size());
}

void PlainEndpoint::answer_stranger(const DatagramPath& path, const PlainPacket& packet, std::size_t size) {
  const bool established = packet.kind == PacketKind::data || packet.kind == PacketKind::close;
  if (!established || size <= reset_size) return;
  ++counters_.stateless_resets_sent;
  outgoing_.push_back({path, encode({.kind = PacketKind::reset, .reset_token = token_of(packet.to)}, 0)});
}

void PlainEndpoint::on_reset(Mono now, const PlainPacket& packet) {
  for (auto& [link, connection] : live_) {
    if (!connection->was_open() || connection->peer_token() != packet.reset_token) continue;
    connection->on_reset(now);
    return settle(now, *connection);
  }
}

void PlainEndpoint::probe(LinkId link) {
  if (Connection* const connection = find(link)) connection->probe();
}

void PlainEndpoint::on_unreachable(const Now& now, const SocketAddress& remote, BytesView quoted, Refusal) {
  std::vector<Connection*> all;
  for (auto& [link, connection] : live_) all.push_back(connection.get());
  for (Connection* connection : all) {
    connection->on_unreachable(now.mono, remote, quoted);
    settle(now.mono, *connection);
  }
}

bool PlainEndpoint::advance(const Now& now) {
  for (std::size_t taken = 0; taken < limits::handshakes_per_step && !backlog_.empty(); ++taken) {
    const Waiting waiting = std::move(backlog_.front());
    backlog_.pop_front();
    if (const auto packet = decode(waiting.bytes)) accept(now.mono, waiting.path, *packet);
  }
  return !backlog_.empty();
}

void PlainEndpoint::accept(Mono now, const DatagramPath& path, const PlainPacket& initial) {
  if (accepted_.contains({path.remote, initial.from})) return;
  const auto unfinished = std::ranges::count_if(live_, [](const auto& item) {
    return item.second->state() == Connection::State::opening && item.second->birth().side == Side::acceptor;
  });
  const auto theirs = std::ranges::count_if(live_, [&](const auto& item) {
    return item.second->birth().side == Side::acceptor && item.second->peer() == initial.self;
  });
  if (static_cast<std::size_t>(unfinished) >= limits::incoming_handshakes || live_.size() >= limits::links ||
      static_cast<std::size_t>(theirs) >= limits::links_per_peer) {
    ++counters_.dropped_initials;
    return;
  }
  Connection::Birth made = birth(Side::acceptor);
  made.path = path;
  accepted_[{path.remote, initial.from}] = made.link;
  cids_[made.own] = made.link;
  const LinkId link = made.link;
  Connection& connection = *live_.emplace(link, std::make_unique<Connection>(std::move(made), now)).first->second;
  connection.on_initial(initial);
}

// ------------------------------------------------------------------------------------------------ events

void PlainEndpoint::settle(Mono now, Connection& connection) {
  std::vector<LinkEvent> news = std::exchange(connection.news, {});
  const bool frames = connection.inbox() && connection.inbox()->take_news();
  for (LinkEvent& event : news) {
    if (std::holds_alternative<LinkOpened>(event)) ++counters_.handshakes_completed;
    if (auto* closed = std::get_if<LinkClosed>(&event)) {
      // What we closed tells nothing more; a frame of it may be in somebody's hands until the next event is asked for.
      const bool by_us = closed->close.by == ClosedBy::us;
      events_.emplace_back(Ended{std::move(*closed), by_us ? nullptr : std::move(connection.inbox())});
    } else {
      events_.emplace_back(std::move(event));
    }
  }
  if (frames && connection.state() == Connection::State::open)
    events_.emplace_back(FramesReady{connection.birth().link});
  if (connection.state() == Connection::State::ended) bury(now, connection);
}

void PlainEndpoint::bury(Mono now, Connection& connection) {
  if (!connection.was_open()) ++counters_.handshakes_failed;
  connection.write(now, outgoing_);
  ClosingConnection closing_connection{
      .until = now + limits::quic_idle_timeout, .packet = {}, .path = connection.birth().path};
  if (connection.heard_close())
    closing_connection.until = now + 300ms;
  else if (connection.was_open())
    closing_connection.packet = connection.close_packet();
  closing_connections_.insert_or_assign(connection.birth().own, std::move(closing_connection));
  cids_.erase(connection.birth().own);
  std::erase_if(accepted_, [&](const auto& item) { return item.second == connection.birth().link; });
  buried_.push_back(std::move(live_.extract(connection.birth().link).mapped()));
}

std::optional<LinkEvent> PlainEndpoint::next_event() {
  buried_.clear();
  told_.reset();
  while (!events_.empty()) {
    Queued& front = events_.front();
    if (const auto* ready = std::get_if<FramesReady>(&front)) {
      Connection* connection = find(ready->link);
      if (connection != nullptr && connection->inbox())
        if (auto event = connection->inbox()->next(ready->link)) return event;
      events_.pop_front();
      continue;
    }
    if (auto* ended = std::get_if<Ended>(&front)) {
      if (ended->rest)
        if (auto event = ended->rest->next(ended->closed.link)) return event;
      told_ = std::move(ended->rest);
      LinkEvent event = std::move(ended->closed);
      events_.pop_front();
      return event;
    }
    LinkEvent event = std::move(std::get<LinkEvent>(front));
    events_.pop_front();
    if (const auto* active = std::get_if<LinkActive>(&event))
      if (Connection* connection = find(active->link)) connection->on_active_taken();
    return event;
  }
  return std::nullopt;
}

// ------------------------------------------------------------------------------------------------ time and sending

void PlainEndpoint::on_timer(const Now& now) {
  std::vector<Connection*> due;
  for (auto& [link, connection] : live_)
    if (connection->deadline() <= now.mono) due.push_back(connection.get());
  for (Connection* connection : due) {
    connection->on_timer(now.mono);
    settle(now.mono, *connection);
  }
  std::erase_if(closing_connections_, [&](const auto& item) { return item.second.until <= now.mono; });
}

Mono PlainEndpoint::next_deadline() const {
  Mono out = never;
  for (const auto& [link, connection] : live_) out = std::min(out, connection->deadline());
  for (const auto& [cid, closing_connection] : closing_connections_) out = std::min(out, closing_connection.until);
  return out;
}

bool PlainEndpoint::transmit(const Now& now, DatagramBatch& out) {
  for (auto& [link, connection] : live_) connection->write(now.mono, outgoing_);
  for (; written_ < outgoing_.size(); ++written_) {
    const Connection::Outgoing& next = outgoing_[written_];
    if (out.room().size() < next.bytes.size()) return true;
    std::ranges::copy(next.bytes, out.room().begin());
    out.commit(next.path, next.bytes.size());
    ++counters_.datagrams_sent;
  }
  outgoing_.clear();
  written_ = 0;
  return false;
}

// ------------------------------------------------------------------------------------------------ links

Result<LinkId> PlainEndpoint::dial(const Now& now, const DialRequest& request) {
  if (request.addresses.empty()) return fail(Errc::invalid_argument, "no address to dial");
  if (request.peer == self_) return fail(Errc::invalid_argument, "a node cannot dial itself");
  if (live_.size() >= limits::links) return fail(Errc::limit, "this node has all the connections that it may have");
  Connection::Birth made = birth(Side::initiator);
  made.peer = request.peer;
  made.alpn = request.alpn;
  made.once = request.once;
  made.path = {{}, request.addresses.front(), request.outlet};
  cids_[made.own] = made.link;
  const LinkId link = made.link;
  live_.emplace(link, std::make_unique<Connection>(std::move(made), now.mono));
  return link;
}

SendResult PlainEndpoint::send(LinkId link, SendClass kind, const Frame& frame) {
  Connection* connection = find(link);
  return connection == nullptr ? SendResult::closed : connection->send(kind, frame);
}

void PlainEndpoint::close(const Now& now, LinkId link, CloseCode code, CloseMode mode) {
  Connection* connection = find(link);
  if (connection == nullptr) return;
  connection->close(now.mono, static_cast<std::uint64_t>(code), mode);
  settle(now.mono, *connection);
}

void PlainEndpoint::set_frame_limit(LinkId link, std::size_t bytes) {
  Connection* connection = find(link);
  if (connection != nullptr && connection->inbox()) connection->set_frame_limit(bytes);
}

Result<Bytes32> PlainEndpoint::exporter(LinkId link, BytesView label) const {
  const Connection* connection = find(link);
  if (connection == nullptr || connection->state() != Connection::State::open)
    return fail(Errc::not_found, "no such link");
  return connection->exporter(label);
}

std::optional<LinkStats> PlainEndpoint::stats(LinkId link) const {
  const Connection* connection = find(link);
  if (connection == nullptr) return std::nullopt;
  return connection->stats();
}

}  // namespace mosaik::sim
