#include "transport/quic/endpoint/endpoint.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "base/trace.hpp"

namespace mosaik::quic {

std::unique_ptr<Transport> make_endpoint(const crypto::SecretKey& key, const EndpointConfig& config) {
  return std::make_unique<Endpoint>(key, config);
}

void Endpoint::settle(Mono now, Connection& connection) {
  if (!connection.has_ended()) return connections_.mark(connection);
  timers_.cancel(connection.timer);
  closing_.add(now, connection.timer.owner, connection.take_ending(), connection.ids().release());
  connections_.bury(connection);
}

void Endpoint::admit_handshake(Mono now, LinkId link, const SocketAddress& from) {
  const std::optional<LinkId> leaving = shared_.incoming.admit(link, from, AdmissionClass::stranger);
  if (!leaving) return;
  trace([&] {
    return Decision{.component = "quic",
                    .what = "handshake_evicted",
                    .reason = "its_place_is_needed",
                    .fields = {{{"link", static_cast<std::int64_t>(leaving->value)}}}};
  });
  Connection* const connection = connections_.find(*leaving);
  MOSAIK_ASSERT(connection != nullptr);
  connection->give_way(now);
  settle(now, *connection);
}

void Endpoint::on_datagram(const Now& now, const DatagramPath& path, BytesView bytes) {
  lead(advance_clock(now), path, bytes);
}

void Endpoint::lead(Mono now, const DatagramPath& path, BytesView bytes) {
  ++shared_.counters.datagrams_received;
  if (bytes.empty()) return;
  const bool is_long = (bytes[0] & 0x80U) != 0;  // the fixed bit tells nothing: peers may grease it (RFC 9287)
  ngtcp2_version_cid header{};
  const int failed = ngtcp2_pkt_decode_version_cid(&header, bytes.data(), bytes.size(), Cid::own_size);
  const bool unknown_version =
      is_long && (failed == NGTCP2_ERR_VERSION_NEGOTIATION ||
                  (failed == 0 && header.version != 0 && header.version != NGTCP2_PROTO_VER_V1));
  if (unknown_version) {
    if (bytes.size() >= NGTCP2_MAX_UDP_PAYLOAD_SIZE) replies_.negotiate_version(path, header);
    return;
  }
  if (failed != 0) return;
  const BytesView cid(header.dcid, header.dcidlen);
  const LinkId* const link = shared_.cids.find(Cid(cid));
  if (link == nullptr) {
    // A fresh port is for what we dial from there.
    if (is_long) return path.outlet == 0 ? accept_queue_.on_stranger(now, path, bytes) : void();
    if (Connection* const lost = reset_target(bytes)) {
      lost->on_datagram(now, path, bytes);
      return settle(now, *lost);
    }
    return replies_.reset(now, path, cid, bytes.size());
  }
  if (Connection* const connection = connections_.find(*link)) {
    connection->on_datagram(now, path, bytes);
    return settle(now, *connection);
  }
  closing_.on_datagram(*link);
}

Connection* Endpoint::reset_target(BytesView bytes) const {
  if (bytes.size() < least_reset) return nullptr;
  const LinkId* const link = shared_.reset_tokens.find(Cid(bytes.last(std::tuple_size_v<ResetToken>)));
  return link == nullptr ? nullptr : connections_.find(*link);
}

void Endpoint::on_unreachable(const Now& now, const SocketAddress& remote, BytesView quoted, Refusal refusal) {
  const Mono time = advance_clock(now);
  for (const LinkId link : connections_.at(remote)) {
    Connection& connection = *connections_.find(link);
    connection.on_unreachable(time, remote, quoted, refusal);
    if (connection.has_ended()) settle(time, connection);
  }
}

void Endpoint::on_too_big(const Now& now, const SocketAddress& remote, BytesView quoted, const TooBig& what) {
  const Mono time = advance_clock(now);
  for (const LinkId link : connections_.at(remote)) connections_.find(link)->on_too_big(time, quoted, what);
}

void Endpoint::on_timer(const Now& now) {
  const Mono time = advance_clock(now);
  while (timers_.next() <= time) {
    Timer<LinkId>* const due = timers_.nearest();
    if (due == nullptr) return;
    const LinkId link = due->owner;
    timers_.cancel(*due);  // transmit() sets it again
    if (Connection* const connection = connections_.find(link)) {
      connection->on_timer(time);
      settle(time, *connection);
    } else {
      closing_.on_timer(link);
    }
  }
}

bool Endpoint::advance(const Now& now) {
  const Mono time = advance_clock(now);
  for (std::size_t taken = 0; taken < limits::handshakes_per_step; ++taken) {
    const std::optional<AcceptQueue::Waiting> waiting = accept_queue_.next(time);
    if (!waiting) return false;
    const std::optional<FirstPacket> first = accept_queue_.parse(time, waiting->path, waiting->bytes);
    if (!first) continue;
    if (shared_.cids.find(Cid(BytesView(first->header.dcid.data, first->header.dcid.datalen))) != nullptr) {
      lead(time, waiting->path, waiting->bytes);  // its connection was made in the meantime
      continue;
    }
    if (!has_room()) {
      ++shared_.counters.dropped_initials;
      continue;
    }
    const LinkId link{++last_link_};
    admit_handshake(time, link, first->path.remote);
    adopt(time, Connection::accept(shared_, link, *first, time), waiting->path, waiting->bytes);
  }
  return !accept_queue_.empty();
}

void Endpoint::adopt(Mono now, std::unique_ptr<Connection> connection, const DatagramPath& path, BytesView bytes) {
  if (connection == nullptr) {
    ++shared_.counters.dropped_initials;
    return;
  }
  Connection& made = *connection;
  connections_.add(std::move(connection));
  if (!bytes.empty()) made.on_datagram(now, path, bytes);
  settle(now, made);
}

Result<LinkId> Endpoint::dial(const Now& now, const DialRequest& request) {
  if (request.addresses.empty()) {
    return fail(Errc::invalid_argument, "peer " + request.peer.brief() + " has no address to dial");
  }
  if (request.peer == self_) return fail(Errc::invalid_argument, "a node cannot dial itself");
  if (!has_room()) return fail(Errc::limit, "this node has all the connections that it may have");
  const Mono time = advance_clock(now);
  const LinkId link{++last_link_};
  std::unique_ptr<Connection> connection = Connection::dial(shared_, link, request, time);
  if (connection == nullptr) return fail(Errc::internal, "the QUIC library made no connection");
  adopt(time, std::move(connection), {}, {});
  return link;
}

std::optional<LinkEvent> Endpoint::next_event() {
  connections_.clear_buried();
  shared_.rests.bury();
  return reader_.next(last_now_);
}

bool Endpoint::write_connections(Mono now, Ring<LinkId>& queue, DatagramBatch& out) {
  while (!queue.empty()) {
    Connection* const connection = connections_.find(queue.front());
    queue.pop_front();
    if (connection == nullptr) continue;
    const std::size_t room = out.room().size();
    connection->dirty = false;
    const bool more = connection->write(now, out);
    if (connection->has_ended()) {
      settle(now, *connection);
      continue;
    }
    if (more) {
      connections_.mark(*connection);
      // Nothing fitted: the batch is full.
      if (out.room().size() == room) return false;
      continue;
    }
    // A deadline that is already over would be asked for again and again; a millisecond later it is as good.
    const Mono deadline = connection->deadline();
    timers_.set(connection->timer, deadline <= now ? now + 1ms : deadline);
  }
  return true;
}

bool Endpoint::transmit(const Now& now, DatagramBatch& out) {
  const Mono time = advance_clock(now);
  return !(replies_.write(out) && write_connections(time, connections_.established(), out) && closing_.write(out) &&
           write_connections(time, connections_.handshaking(), out) && closing_.write(out));
}

SendResult Endpoint::send(LinkId link, SendClass kind, const Frame& frame) {
  Connection* const connection = connections_.find(link);
  if (connection == nullptr) return SendResult::closed;
  const SendResult result = connection->send(kind, frame);
  if (result == SendResult::queued) connections_.mark(*connection);
  return result;
}

void Endpoint::close(const Now& now, LinkId link, CloseCode code, CloseMode mode) {
  const Mono time = advance_clock(now);
  if (Connection* const connection = connections_.find(link)) {
    connection->close(time, code, mode);
    settle(time, *connection);
  } else {
    shared_.rests.drop(link);  // it has ended, and its owner wants to hear no more of it
  }
}

void Endpoint::set_frame_limit(LinkId link, std::size_t bytes) {
  if (Connection* const connection = connections_.find(link)) connection->set_frame_limit(bytes);
}

Result<Bytes32> Endpoint::exporter(LinkId link, BytesView label) const {
  const Connection* const connection = connections_.find(link);
  if (connection == nullptr) return fail(Errc::not_found, "no such link");
  return connection->exporter(label);
}

std::optional<LinkStats> Endpoint::stats(LinkId link) const {
  const Connection* const connection = connections_.find(link);
  if (connection == nullptr) return std::nullopt;
  return connection->stats();
}

void Endpoint::probe(LinkId link) {
  Connection* const connection = connections_.find(link);
  if (connection == nullptr) return;
  connection->probe();
  connections_.mark(*connection);
}

void Endpoint::check_invariants() const {
  connections_.check_invariants(shared_, closing_.routes());
  closing_.check_invariants();
  shared_.rests.check_invariants();
  accept_queue_.check_invariants();
  replies_.check_invariants();
  timers_.check_invariants();
  // Protects memory: a timer outlives neither its connection nor its closing period.
  MOSAIK_ASSERT(timers_.size() <= connections_.size() + closing_.size());
}

}  // namespace mosaik::quic
