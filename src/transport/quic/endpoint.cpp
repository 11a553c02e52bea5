#include "transport/quic/endpoint.hpp"

#include <algorithm>
#include <map>
#include <string>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "transport/quic/accept_queue.hpp"
#include "transport/quic/closing_connection.hpp"
#include "transport/quic/connection.hpp"
#include "transport/quic/replies.hpp"

namespace mosaik::quic {

class Endpoint::Impl {
 public:
  Impl(const crypto::SecretKey& key, const EndpointConfig& config) : shared_(key, config), self_(key.id()) {}

  void on_datagram(Mono now, const DatagramPath& path, BytesView bytes);
  void on_unreachable(Mono now, const SocketAddress& remote, BytesView quoted, Refusal refusal);
  void on_too_big(Mono now, const SocketAddress& remote, BytesView quoted, const TooBig& what);
  void on_timer(Mono now);
  bool advance(Mono now);
  Result<LinkId> dial(Mono now, const DialRequest& request);
  std::optional<LinkEvent> next_event();
  bool transmit(Mono now, DatagramBatch& out);

  Connection* find(LinkId link) const {
    const auto found = live_.find(link);
    return found == live_.end() ? nullptr : found->second.get();
  }
  /// Something about the connection changed: it wants to write, or it has ended.
  void settle(Mono now, Connection& connection);
  void mark(Connection& connection);
  /// ngtcp2 asserts that time never runs backwards.
  Mono advance_clock(Mono now) noexcept { return last_now_ = std::max(last_now_, now); }

  /// When what was put off is read.
  [[nodiscard]] Mono reading_due() const noexcept { return reading_due_; }

  Shared shared_;
  TimerHeap timers_;
  std::map<LinkId, std::unique_ptr<Connection>> live_;

 private:
  static constexpr std::size_t least_reset = 21;  // RFC 9000 10.3

  /// The connection that this datagram with an unknown id resets.
  [[nodiscard]] Connection* reset_target(BytesView bytes) const;
  void adopt(Mono now, std::unique_ptr<Connection> connection, const DatagramPath& path, BytesView bytes);
  void forget(std::map<LinkId, ClosingConnection>::iterator closing_connection);
  [[nodiscard]] bool has_room() const noexcept { return live_.size() < limits::links; }
  void make_room_for_farewell();
  void admit_handshake(Mono now, LinkId link, const SocketAddress& from);
  void mark(ClosingConnection& closing_connection);
  [[nodiscard]] bool write_farewells(DatagramBatch& out);
  [[nodiscard]] bool write_connections(Mono now, Ring<LinkId>& queue, DatagramBatch& out);
  /// What becomes of a mark that was looked at.
  enum class Fate : std::uint8_t {
    done,    ///< there is nothing more
    unread,  ///< all links together have had their part of this turn, and this one nothing of it
    aside,   ///< the link has had its part
  };
  /// What there is to read now.
  std::optional<LinkEvent> read(Inbox& inbox, LinkId link, Fate& fate);
  std::optional<LinkEvent> take_frames(FramesReady ready, Fate& fate);
  std::optional<LinkEvent> take_rest(LinkId ended, Fate& fate);
  std::optional<LinkEvent> next_of(EventQueue& queue);
  void resume_reading();

  PeerId self_;
  EventQueue unread_;   // what is read in the next turn before all others,
  EventQueue aside_;    // and behind them
  EventQueue resumed_;  // both, when that turn has come
  Mono reading_due_ = never;
  TurnBudget turn_{limits::frames_per_turn, limits::frame_bytes_per_turn};
  std::vector<std::unique_ptr<Connection>> buried_;  // ended since the last event was asked for
  std::map<LinkId, ClosingConnection> closing_connections_;
  Replies replies_{shared_};
  AcceptQueue accept_queue_{shared_, replies_};
  Ring<LinkId> established_;  // connections that may have something to write, in turn
  Ring<LinkId> handshaking_;
  Ring<LinkId> parting_;
  std::uint64_t last_link_ = 0;
  Mono last_now_{};
};

void Endpoint::Impl::mark(Connection& connection) {
  if (connection.dirty) return;
  connection.dirty = true;
  (connection.opened() ? established_ : handshaking_).push_back(connection.timer.link);
}

void Endpoint::Impl::mark(ClosingConnection& closing_connection) {
  if (closing_connection.dirty || !closing_connection.due()) return;
  closing_connection.dirty = true;
  parting_.push_back(closing_connection.timer.link);
}

void Endpoint::Impl::settle(Mono now, Connection& connection) {
  if (!connection.ending()) return mark(connection);
  const LinkId link = connection.timer.link;
  const bool was_open = connection.opened();
  Ending ending = connection.take_ending();
  std::vector<Cid> cids = connection.take_cids();
  timers_.cancel(connection.timer);
  // A frame of it may just be in somebody's hands: it is theirs until the next event is asked for.
  buried_.push_back(std::move(live_.extract(link).mapped()));
  make_room_for_farewell();
  const auto [place, added] =
      closing_connections_.try_emplace(link, link, now, std::move(ending), std::move(cids), was_open);
  MOSAIK_ASSERT(added);
  timers_.set(place->second.timer, place->second.end());
  mark(place->second);
}

void Endpoint::Impl::forget(std::map<LinkId, ClosingConnection>::iterator closing_connection) {
  for (const Cid& cid : closing_connection->second.cids()) shared_.cids.remove(cid);
  timers_.cancel(closing_connection->second.timer);
  closing_connections_.erase(closing_connection);
}

// What remains of links that ended has places of its own: no flood of ended links keeps us from dialing.
void Endpoint::Impl::make_room_for_farewell() {
  if (closing_connections_.size() < limits::closing_connections) return;
  forget(std::ranges::min_element(closing_connections_, {}, [](const auto& item) { return item.second.worth(); }));
}

void Endpoint::Impl::admit_handshake(Mono now, LinkId link, const SocketAddress& from) {
  const std::optional<LinkId> leaving = shared_.incoming.admit(link, from, AdmissionClass::stranger);
  if (!leaving) return;
  Connection* const connection = find(*leaving);
  MOSAIK_ASSERT(connection != nullptr);
  connection->give_way(now);
  settle(now, *connection);
}

void Endpoint::Impl::on_datagram(Mono now, const DatagramPath& path, BytesView bytes) {
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
  if (Connection* const connection = find(*link)) {
    connection->on_datagram(now, path, bytes);
    return settle(now, *connection);
  }
  if (const auto closing_connection = closing_connections_.find(*link);
      closing_connection != closing_connections_.end()) {
    closing_connection->second.on_datagram();
    mark(closing_connection->second);
  }
}

Connection* Endpoint::Impl::reset_target(BytesView bytes) const {
  if (bytes.size() < least_reset) return nullptr;
  const LinkId* const link = shared_.reset_tokens.find(Cid(bytes.last(std::tuple_size_v<ResetToken>)));
  return link == nullptr ? nullptr : find(*link);
}

void Endpoint::Impl::on_unreachable(Mono now, const SocketAddress& remote, BytesView quoted, Refusal refusal) {
  for (auto next = live_.begin(); next != live_.end();) {
    Connection& connection = *(next++)->second;  // settling may take it out of the map
    if (!connection.sends_to(remote)) continue;
    connection.on_unreachable(now, remote, quoted, refusal);
    if (connection.ending()) settle(now, connection);
  }
}

void Endpoint::Impl::on_too_big(Mono now, const SocketAddress& remote, BytesView quoted, const TooBig& what) {
  for (const auto& [link, connection] : live_)
    if (connection->sends_to(remote)) connection->on_too_big(now, quoted, what);
}

void Endpoint::Impl::on_timer(Mono now) {
  while (timers_.next() <= now) {
    Timer* const due = timers_.nearest();
    if (due == nullptr) return;
    const LinkId link = due->link;
    timers_.cancel(*due);  // transmit() sets it again
    if (Connection* const connection = find(link)) {
      connection->on_timer(now);
      settle(now, *connection);
    } else if (const auto closing_connection = closing_connections_.find(link);
               closing_connection != closing_connections_.end()) {
      forget(closing_connection);
    }
  }
}

bool Endpoint::Impl::advance(Mono now) {
  for (std::size_t taken = 0; taken < limits::handshakes_per_step; ++taken) {
    const std::optional<AcceptQueue::Waiting> waiting = accept_queue_.next(now);
    if (!waiting) return false;
    const std::optional<FirstPacket> first = accept_queue_.parse(now, waiting->path, waiting->bytes);
    if (!first) continue;
    if (shared_.cids.find(Cid(BytesView(first->header.dcid.data, first->header.dcid.datalen))) != nullptr) {
      on_datagram(now, waiting->path, waiting->bytes);  // its connection was made in the meantime
      continue;
    }
    if (!has_room()) {
      ++shared_.counters.dropped_initials;
      continue;
    }
    const LinkId link{++last_link_};
    admit_handshake(now, link, first->path.remote);
    adopt(now, Connection::accept(shared_, link, *first, now), waiting->path, waiting->bytes);
  }
  return !accept_queue_.empty();
}

void Endpoint::Impl::adopt(Mono now, std::unique_ptr<Connection> connection, const DatagramPath& path,
                           BytesView bytes) {
  if (connection == nullptr) {
    ++shared_.counters.dropped_initials;
    return;
  }
  Connection& made = *connection;
  live_.emplace(made.timer.link, std::move(connection));
  if (!bytes.empty()) made.on_datagram(now, path, bytes);
  settle(now, made);
}

Result<LinkId> Endpoint::Impl::dial(Mono now, const DialRequest& request) {
  if (request.addresses.empty()) {
    return fail(Errc::invalid_argument, "peer " + request.peer.brief() + " has no address to dial");
  }
  if (request.peer == self_) return fail(Errc::invalid_argument, "a node cannot dial itself");
  if (!has_room()) return fail(Errc::limit, "this node has all the connections that it may have");
  const LinkId link{++last_link_};
  std::unique_ptr<Connection> connection = Connection::dial(shared_, link, request, now);
  if (connection == nullptr) return fail(Errc::internal, "the QUIC library made no connection");
  adopt(now, std::move(connection), {}, {});
  return link;
}

std::optional<LinkEvent> Endpoint::Impl::read(Inbox& inbox, LinkId link, Fate& fate) {
  const bool spent = !turn_.left(last_now_);
  const Mono due = spent ? last_now_ + Nanoseconds(1) : inbox.budget().due(last_now_);
  if (due > last_now_) {
    fate = spent && !inbox.budget().had_part(last_now_) ? Fate::unread : Fate::aside;
    reading_due_ = std::min(reading_due_, due);
    return std::nullopt;
  }
  std::optional<LinkEvent> event = inbox.next(link);
  if (const auto* const frame = event ? std::get_if<LinkFrame>(&*event) : nullptr) {
    turn_.spend(frame->payload.size());
    inbox.budget().spend(last_now_, frame->payload.size());
  }
  return event;
}

std::optional<LinkEvent> Endpoint::Impl::take_frames(FramesReady ready, Fate& fate) {
  Connection* const connection = find(ready.link);
  if (connection == nullptr) return std::nullopt;
  if (std::optional<LinkEvent> event = read(connection->inbox(), ready.link, fate); event || fate != Fate::done)
    return event;
  if (const auto head = connection->inbox().take_growth()) return LinkGrowing{ready.link, *head};
  connection->on_inbox_empty();
  mark(*connection);  // the peer is to learn of its credit
  return std::nullopt;
}

std::optional<LinkEvent> Endpoint::Impl::take_rest(LinkId ended, Fate& fate) {
  Inbox* const rest = shared_.rests.find(ended);
  if (rest == nullptr) return std::nullopt;
  if (std::optional<LinkEvent> event = read(*rest, ended, fate); event || fate != Fate::done) return event;
  shared_.rests.drop(ended);
  return std::nullopt;
}

// In a later turn, before what is new. Whoever got nothing goes first: many links that flood take turns with the
// others.
void Endpoint::Impl::resume_reading() {
  if (last_now_ < reading_due_) return;
  reading_due_ = never;
  for (EventQueue* const queue : {&unread_, &aside_}) {
    while (!queue->empty()) {
      resumed_.push_back(std::move(queue->front()));
      queue->pop_front();
    }
  }
}

std::optional<LinkEvent> Endpoint::Impl::next_event() {
  buried_.clear();
  shared_.rests.bury();
  resume_reading();
  if (std::optional<LinkEvent> event = next_of(resumed_)) return event;
  return next_of(shared_.events);
}

std::optional<LinkEvent> Endpoint::Impl::next_of(EventQueue& queue) {
  while (!queue.empty()) {
    QueuedEvent& front = queue.front();
    Fate fate = Fate::done;
    const auto* const ready = std::get_if<FramesReady>(&front);
    auto* const ended = std::get_if<Ended>(&front);
    if (ready != nullptr) {
      if (std::optional<LinkEvent> event = take_frames(*ready, fate)) return event;
    } else if (ended != nullptr) {
      if (std::optional<LinkEvent> event = take_rest(ended->closed.link, fate)) return event;
    }
    if (fate != Fate::done) {
      (fate == Fate::unread ? unread_ : aside_).push_back(std::move(front));
      queue.pop_front();
      continue;
    }
    if (ready != nullptr) {
      queue.pop_front();
      continue;
    }
    LinkEvent event = ended != nullptr ? LinkEvent(std::move(ended->closed)) : std::move(std::get<LinkEvent>(front));
    queue.pop_front();
    if (const auto* const active = std::get_if<LinkActive>(&event)) {
      if (Connection* const connection = find(active->link)) connection->on_active_taken();
    }
    return event;
  }
  return std::nullopt;
}

bool Endpoint::Impl::write_farewells(DatagramBatch& out) {
  while (!parting_.empty()) {
    if (const auto closing_connection = closing_connections_.find(parting_.front());
        closing_connection != closing_connections_.end()) {
      if (!closing_connection->second.write(out)) return false;
      closing_connection->second.dirty = false;
      ++shared_.counters.datagrams_sent;
    }
    parting_.pop_front();
  }
  return true;
}

bool Endpoint::Impl::write_connections(Mono now, Ring<LinkId>& queue, DatagramBatch& out) {
  while (!queue.empty()) {
    Connection* const connection = find(queue.front());
    queue.pop_front();
    if (connection == nullptr) continue;
    const std::size_t room = out.room().size();
    connection->dirty = false;
    const bool more = connection->write(now, out);
    if (connection->ending()) {
      settle(now, *connection);
      continue;
    }
    if (more) {
      mark(*connection);
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

bool Endpoint::Impl::transmit(Mono now, DatagramBatch& out) {
  return !(replies_.write(out) && write_connections(now, established_, out) && write_farewells(out) &&
           write_connections(now, handshaking_, out) && write_farewells(out));
}

Endpoint::Endpoint(const crypto::SecretKey& key, const EndpointConfig& config)
    : impl_(std::make_unique<Impl>(key, config)) {}
Endpoint::~Endpoint() = default;

void Endpoint::on_datagram(const Now& now, const DatagramPath& path, BytesView bytes) {
  impl_->on_datagram(impl_->advance_clock(now.mono), path, bytes);
}
void Endpoint::on_unreachable(const Now& now, const SocketAddress& remote, BytesView quoted, Refusal refusal) {
  impl_->on_unreachable(impl_->advance_clock(now.mono), remote, quoted, refusal);
}
void Endpoint::on_too_big(const Now& now, const SocketAddress& remote, BytesView quoted, const TooBig& what) {
  impl_->on_too_big(impl_->advance_clock(now.mono), remote, quoted, what);
}
void Endpoint::on_timer(const Now& now) {
  impl_->on_timer(impl_->advance_clock(now.mono));
}
bool Endpoint::advance(const Now& now) {
  return impl_->advance(impl_->advance_clock(now.mono));
}

Result<LinkId> Endpoint::dial(const Now& now, const DialRequest& request) {
  return impl_->dial(impl_->advance_clock(now.mono), request);
}

SendResult Endpoint::send(LinkId link, SendClass kind, const Frame& frame) {
  Connection* const connection = impl_->find(link);
  if (connection == nullptr) return SendResult::closed;
  const SendResult result = connection->send(kind, frame);
  if (result == SendResult::queued) impl_->mark(*connection);
  return result;
}

void Endpoint::close(const Now& now, LinkId link, CloseCode code, CloseMode mode) {
  const Mono time = impl_->advance_clock(now.mono);
  if (Connection* const connection = impl_->find(link)) {
    connection->close(time, code, mode);
    impl_->settle(time, *connection);
  } else {
    impl_->shared_.rests.drop(link);  // it has ended, and its owner wants to hear no more of it
  }
}

void Endpoint::set_frame_limit(LinkId link, std::size_t bytes) {
  if (Connection* const connection = impl_->find(link)) connection->set_frame_limit(bytes);
}

std::optional<LinkEvent> Endpoint::next_event() {
  return impl_->next_event();
}
bool Endpoint::transmit(const Now& now, DatagramBatch& out) {
  return impl_->transmit(impl_->advance_clock(now.mono), out);
}
Mono Endpoint::next_deadline() const {
  return std::min(impl_->timers_.next(), impl_->reading_due());
}

Result<Bytes32> Endpoint::exporter(LinkId link, BytesView label) const {
  const Connection* const connection = impl_->find(link);
  if (connection == nullptr) return fail(Errc::not_found, "no such link");
  return connection->exporter(label);
}

std::optional<LinkStats> Endpoint::stats(LinkId link) const {
  const Connection* const connection = impl_->find(link);
  if (connection == nullptr) return std::nullopt;
  return connection->stats();
}

void Endpoint::probe(LinkId link) {
  Connection* const connection = impl_->find(link);
  if (connection == nullptr) return;
  connection->probe();
  impl_->mark(*connection);
}

const EndpointCounters& Endpoint::counters() const noexcept {
  return impl_->shared_.counters;
}
std::size_t Endpoint::connections() const noexcept {
  return impl_->live_.size();
}

}  // namespace mosaik::quic
