#include "sim/world/plain_connection.hpp"

#include <algorithm>

#include "crypto/hash.hpp"

namespace mosaik::sim {

PlainConnection::PlainConnection(Birth birth, Mono now)
    : birth_(std::move(birth)), say_hello_(birth_.side == Side::initiator), born_(now), last_heard_(now) {}

std::uint64_t PlainConnection::key() const {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 8; ++i) out = out << 8U | secret_[i];
  return out;
}

// ------------------------------------------------------------------------------------------------ handshake

void PlainConnection::on_initial(const PlainPacket& initial) {
  if (state_ != State::opening) return;
  birth_.peer = initial.self;
  birth_.alpn = initial.alpn;
  peer_cid_ = initial.from;
  peer_token_ = initial.reset_token;
  secret_ = crypto::hash({initial.random, birth_.random});
  say_hello_ = true;
}

void PlainConnection::open(Mono now) {
  state_ = State::open;
  was_open_ = true;
  last_heard_ = now;
  hello_at_ = {};
  news.emplace_back(LinkOpened{birth_.link, birth_.peer, birth_.alpn, birth_.side, birth_.path.remote});
}

void PlainConnection::on_packet(Mono now, const DatagramPath& path, const PlainPacket& packet, BytesView datagram) {
  if (state_ == State::ended) return;
  const bool dialer = birth_.side == Side::initiator;
  if (packet.kind == PacketKind::reply) {
    if (!dialer || believed_ || !opens(datagram, 0)) return;
    // TLS proves who answers; another one than we meant ends it here.
    if (birth_.peer == PeerId{}) birth_.peer = packet.self;
    if (packet.self != birth_.peer)
      return end(now, ClosedBy::transport,
                 {.code = 0x12a, .reason = "another key answered", .answered_as = packet.self});
    believed_ = true;
    peer_cid_ = packet.from;
    peer_token_ = packet.reset_token;
    secret_ = crypto::hash({birth_.random, packet.random});
    birth_.path = path;
    measure(now - hello_at_);
    hellos_ = 0;
    say_hello_ = true;
    return;
  }
  if ((!dialer || believed_) && !opens(datagram, key())) return;
  const bool home = path.remote == birth_.path.remote || (dialer && state_ == State::opening);
  if (!home && state_ == State::opening) return;  // a handshake is not carried on from elsewhere (RFC 9000 9)
  last_heard_ = now;
  unanswered_ = 0;
  if (home) change_.on_home();
  if (!home && packet.kind == PacketKind::data && packet.number > largest_) {
    if (change_.on_elsewhere(now, path.remote)) probe();
    if (change_.complete())
      return end(now, ClosedBy::moved, {.reason = "address changed", .moved_to = change_.address()});
  }
  switch (packet.kind) {
    case PacketKind::finished:
      if (dialer) return;
      if (state_ == State::opening) open(now);
      say_hello_ = true;  // a done for each: the last one may be lost
      return;
    case PacketKind::done:
      if (dialer && state_ == State::opening) {
        measure(now - hello_at_);
        open(now);
      }
      return;
    case PacketKind::data: return state_ == State::open ? on_data(now, packet) : void();
    case PacketKind::close:
      heard_close_ = true;
      return end(now, ClosedBy::peer,
                 {.application = packet.application,
                  .code = packet.code,
                  .reason = packet.application ? std::string(reason_of(static_cast<CloseCode>(packet.code))) : ""});
    default: return;
  }
}

void PlainConnection::on_unreachable(Mono now, const SocketAddress& remote, BytesView quoted) {
  if (state_ == State::ended) return;
  const auto packet = decode(quoted);
  const bool hello = packet && packet->kind == PacketKind::initial;
  if (!packet || (hello ? packet->from != birth_.own : packet->to != peer_cid_)) return;
  if (state_ == State::open) {
    const auto quoted_one = flying_.find(packet->number);
    const bool known = packet->kind == PacketKind::data && quoted_one != flying_.end();
    news.emplace_back(LinkUnreachable{birth_.link, known ? std::optional(quoted_one->second.time) : std::nullopt});
    return;
  }
  if (birth_.side == Side::acceptor) return;
  if (remote == birth_.path.remote)
    end(now, ClosedBy::handshake, {.reason = "no one listens at " + remote.text(), .refused = true});
}

// ------------------------------------------------------------------------------------------------ receiving

bool PlainConnection::note_number(std::uint64_t number) {
  if (number > largest_) {
    const std::uint64_t ahead = number - largest_;
    seen_ = ahead >= 64 ? 1 : seen_ << ahead | 1U;
    largest_ = number;
    return true;
  }
  const std::uint64_t behind = largest_ - number;
  if (behind >= 64 || (seen_ >> behind & 1U) != 0) return false;  // seen, or too long ago to tell
  seen_ |= std::uint64_t{1} << behind;
  return true;
}

void PlainConnection::on_data(Mono now, const PlainPacket& packet) {
  if (!note_number(packet.number)) return;
  if (!std::exchange(active_told_, true)) news.emplace_back(LinkActive{birth_.link});
  on_ack(now, packet);
  if (packet.wants_ack) {
    ++owed_acks_;
    ack_at_ = std::min(ack_at_, owed_acks_ >= 2 ? now : now + ack_delay);
  }
  if (!packet.bytes.empty()) take_stream(packet.offset, packet.bytes);
}

void PlainConnection::take_stream(std::uint64_t offset, BytesView bytes) {
  if (offset > expected_) {
    if (early_.size() < limits::quic_window / chunk_bytes) early_.try_emplace(offset, bytes.begin(), bytes.end());
    return;
  }
  if (offset + bytes.size() <= expected_) return;
  const BytesView fresh = bytes.subspan(expected_ - offset);
  inbox_->on_data(fresh);
  expected_ += fresh.size();
  const auto next = early_.find(expected_);
  if (next == early_.end()) return;
  const std::vector<std::uint8_t> waiting = std::move(next->second);
  early_.erase(next);
  take_stream(expected_, waiting);
}

void PlainConnection::measure(Nanoseconds rtt) {
  least_rtt_ = least_rtt_ == 0ns ? rtt : std::min(least_rtt_, rtt);
  if (srtt_ == 0ns) {
    srtt_ = rtt;
    rttvar_ = rtt / 2;
    return;
  }
  const Nanoseconds apart = srtt_ > rtt ? srtt_ - rtt : rtt - srtt_;
  rttvar_ = (3 * rttvar_ + apart) / 4;
  srtt_ = (7 * srtt_ + rtt) / 8;
}

void PlainConnection::on_ack(Mono now, const PlainPacket& packet) {
  if (packet.largest == 0) return;
  bool any = false;
  for (unsigned back = 0; back < 64 && back < packet.largest; ++back) {
    if ((packet.seen >> back & 1U) == 0) continue;
    const auto found = flying_.find(packet.largest - back);
    if (found == flying_.end()) continue;
    if (back == 0) measure(now - found->second.time);
    if (found->second.carries) {
      unacked_.erase(found->second.offset);
      resend_.erase(found->second.offset);
    }
    flying_.erase(found);
    any = true;
  }
  // Three newer ones have arrived: it is lost (RFC 9002 6.1.1).
  while (!flying_.empty() && flying_.begin()->first + 3 <= packet.largest) lose(flying_.begin()->first);
  if (!any) return;
  backoff_ = 0;
  outbox_.acknowledged(unacked_.empty() ? next_offset_ : unacked_.begin()->first);
  leave_if_flushed(now);
}

void PlainConnection::lose(std::uint64_t number) {
  const auto found = flying_.find(number);
  if (found->second.carries && unacked_.contains(found->second.offset)) resend_.insert(found->second.offset);
  flying_.erase(found);
}

// ------------------------------------------------------------------------------------------------ sending

SendResult PlainConnection::send(SendClass kind, const Frame& frame) {
  if (state_ != State::open || departure_) return SendResult::closed;
  return outbox_.push(kind, frame);
}

void PlainConnection::put(PlainPacket packet, std::vector<Outgoing>& out) const {
  packet.to = peer_cid_;
  const bool open_key = packet.kind == PacketKind::initial || packet.kind == PacketKind::reply;
  out.push_back({birth_.path, encode(packet, open_key ? 0 : key())});
}

void PlainConnection::write_handshake(Mono now, std::vector<Outgoing>& out) {
  say_hello_ = false;
  ++hellos_;
  hello_at_ = now;
  PlainPacket packet{.from = birth_.own};
  if (birth_.side == Side::acceptor && state_ == State::open) packet.kind = PacketKind::done;
  if (birth_.side == Side::initiator && believed_) packet.kind = PacketKind::finished;
  if (packet.kind == PacketKind{}) {
    packet.kind = birth_.side == Side::initiator ? PacketKind::initial : PacketKind::reply;
    packet.wanted = birth_.peer;
    packet.self = birth_.self;
    packet.random = birth_.random;
    packet.reset_token = birth_.reset_token;
    packet.alpn = birth_.alpn;
  }
  put(packet, out);
}

void PlainConnection::write_data(Mono now, std::vector<Outgoing>& out) {
  const auto packet = [&](std::uint64_t offset, BytesView bytes, bool wants_ack) {
    PlainPacket data{.kind = PacketKind::data, .number = next_number_++, .largest = largest_, .seen = seen_};
    data.wants_ack = wants_ack;
    data.offset = offset;
    data.bytes = bytes;
    if (wants_ack) flying_[data.number] = {now, offset, !bytes.empty()};
    put(data, out);
    ++unanswered_;
    last_sent_ = wants_ack ? now : last_sent_;
    owed_acks_ = 0;
    ack_at_ = never;
    ping_due_ = false;
  };
  for (const std::uint64_t offset : std::exchange(resend_, {}))
    if (const auto chunk = unacked_.find(offset); chunk != unacked_.end()) packet(offset, chunk->second, true);
  for (BytesView next = outbox_.next(); !next.empty(); next = outbox_.next()) {
    const BytesView chunk = next.first(std::min(next.size(), chunk_bytes));
    outbox_.sent(chunk.size());
    unacked_[next_offset_] = chunk;
    const std::uint64_t offset = std::exchange(next_offset_, next_offset_ + chunk.size());
    packet(offset, chunk, true);
  }
  if (ping_due_) packet(next_offset_, {}, true);
  if (ack_at_ <= now) packet(next_offset_, {}, false);
}

void PlainConnection::write(Mono now, std::vector<Outgoing>& out) {
  if (send_close_ && peer_cid_ != PlainCid{}) out.push_back({birth_.path, close_packet()});
  send_close_ = false;
  if (state_ == State::ended) return;
  if (say_hello_) write_handshake(now, out);
  if (state_ == State::open) write_data(now, out);
}

std::vector<std::uint8_t> PlainConnection::close_packet() const {
  PlainPacket packet{.kind = PacketKind::close, .to = peer_cid_};
  packet.application = close_application_;
  packet.code = close_code_;
  return encode(packet, key());
}

// ------------------------------------------------------------------------------------------------ time and ends

Nanoseconds PlainConnection::timeout() const {
  return srtt_ == 0ns ? first_timeout : srtt_ + std::max<Nanoseconds>(4 * rttvar_, 1ms) + ack_delay;
}

Mono PlainConnection::probe_due() const {
  if (flying_.empty()) return never;
  return last_sent_ + timeout() * (std::int64_t{1} << std::min(backoff_, 16U));
}

Mono PlainConnection::deadline() const {
  if (state_ == State::ended) return never;
  if (state_ == State::opening) {
    const Mono due = born_ + limits::quic_handshake_timeout;
    if (hellos_ == 0 || (birth_.once && !believed_)) return due;
    return std::min(due, hello_at_ + timeout() * (std::int64_t{1} << std::min(hellos_ - 1, 16U)));
  }
  Mono out = std::min({last_heard_ + limits::quic_idle_timeout, probe_due(), ack_at_});
  if (flying_.empty()) out = std::min(out, std::max(last_heard_, last_sent_) + limits::quic_keep_alive);
  if (departure_) out = std::min(out, departure_->second);
  return out;
}

void PlainConnection::on_timer(Mono now) {
  if (state_ == State::ended || deadline() > now) return;
  if (state_ == State::opening) {
    if (born_ + limits::quic_handshake_timeout <= now)
      return end(now, ClosedBy::handshake, {.reason = "the handshake timed out"});
    say_hello_ = true;
    return;
  }
  if (departure_ && departure_->second <= now) return close(now, departure_->first, CloseMode::at_once);
  if (last_heard_ + limits::quic_idle_timeout <= now)
    return end(now, ClosedBy::idle, {.reason = "nothing was heard for the idle time"});
  if (probe_due() <= now) {
    if (now - std::max(last_sent_, last_heard_) >= timeout()) news.emplace_back(LinkLossy{birth_.link});
    ++backoff_;
    while (!flying_.empty()) lose(flying_.begin()->first);
    ping_due_ = resend_.empty();
    return;
  }
  if (flying_.empty() && std::max(last_heard_, last_sent_) + limits::quic_keep_alive <= now) ping_due_ = true;
}

void PlainConnection::close(Mono now, std::uint64_t code, CloseMode mode) {
  if (state_ == State::ended) return;
  if (mode == CloseMode::after_flush && state_ == State::open && !outbox_.settled()) {
    if (!departure_) departure_ = {code, now + limits::departure_flush};
    return;
  }
  end(now, ClosedBy::us,
      {.application = true, .code = code, .reason = std::string(reason_of(static_cast<CloseCode>(code)))});
}

void PlainConnection::leave_if_flushed(Mono now) {
  if (departure_ && outbox_.settled()) close(now, departure_->first, CloseMode::at_once);
}

void PlainConnection::end(Mono, ClosedBy by, CloseInfo info) {
  send_close_ = by == ClosedBy::us || by == ClosedBy::transport;
  close_application_ = by == ClosedBy::us;
  close_code_ = by == ClosedBy::us || by == ClosedBy::transport ? info.code : 0;
  info.by = state_ == State::open || by == ClosedBy::us ? by : ClosedBy::handshake;
  // Nobody knows of an accepted connection that never opened.
  if (state_ == State::open || birth_.side == Side::initiator)
    news.emplace_back(LinkClosed{birth_.link, std::move(info)});
  outbox_.abandon();
  state_ = State::ended;
}

Bytes32 PlainConnection::exporter(BytesView label) const {
  return crypto::hash({secret_, bytes_of(birth_.alpn.text()), label});
}

LinkStats PlainConnection::stats() const {
  return {.smoothed_rtt = srtt_,
          .least_rtt = least_rtt_,
          .bytes_sent = outbox_.sent_bytes(),
          .bytes_received = expected_,
          .queued = outbox_.unsent(),
          .queued_consensus = outbox_.waiting(SendClass::consensus),
          .queued_bulk = outbox_.waiting(SendClass::bulk),
          .unanswered = unanswered_,
          .remote = birth_.path.remote};
}

}  // namespace mosaik::sim
