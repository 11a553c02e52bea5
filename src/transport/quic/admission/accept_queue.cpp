#include "transport/quic/admission/accept_queue.hpp"

#include "base/limits.hpp"
#include "base/trace.hpp"

namespace mosaik::quic {

std::optional<FirstPacket> AcceptQueue::parse(Mono now, const DatagramPath& path, BytesView bytes) const {
  FirstPacket out{.path = path, .header = {}, .original = {}};
  if (ngtcp2_accept(&out.header, bytes.data(), bytes.size()) != 0) return std::nullopt;
  if (out.header.version != NGTCP2_PROTO_VER_V1) return std::nullopt;
  const Cid chosen(BytesView(out.header.dcid.data, out.header.dcid.datalen));
  out.original =
      shared_.retries.verify(now, path.remote, chosen, {compat::token_of(out.header), compat::token_size(out.header)});
  // Another node's token, or one of our past life, counts as none (RFC 9000 8.1.3).
  if (!out.original && chosen.size < NGTCP2_MIN_INITIAL_DCIDLEN) return std::nullopt;
  return out;
}

void AcceptQueue::on_stranger(Mono now, const DatagramPath& path, BytesView bytes) {
  const std::optional<FirstPacket> first = parse(now, path, bytes);
  if (!first) return;
  // Under load only who is reachable at its address is listened to; a Retry costs us no memory.
  if (!first->original && shared_.incoming.size() + waiting_.size() >= limits::retry_threshold) {
    trace([&] { return Decision{.component = "quic", .what = "retry_wanted", .reason = "many_handshakes_wait"}; });
    if (may_ask(now, path.remote)) replies_.ask_to_retry(now, path, first->header);
    return;
  }
  if (bytes.size() > largest) {
    ++shared_.counters.dropped_initials;
    return;
  }
  if (const auto leaving = places_.admit(next_, path.remote, AdmissionClass::stranger)) {
    waiting_.erase(*leaving);
    trace([&] { return Decision{.component = "quic", .what = "newcomer_evicted", .reason = "its_place_is_needed"}; });
    ++shared_.counters.dropped_initials;
  }
  waiting_.emplace(next_++, Waiting{path, {bytes.begin(), bytes.end()}, now});
}

// A flood of first packets has many of each client, and an honest client a few in 300 ms. What is not asked is
// forgotten at the cost of reading its header, so that the socket's queue is emptied faster than it fills.
bool AcceptQueue::may_ask(Mono now, const SocketAddress& client) {
  if (now - asked_since_ >= limits::retry_window) {
    asked_.clear();
    asked_count_ = 0;
    asked_since_ = now;
  }
  const bool fits = asked_count_ < limits::retries_per_window && asked_[client] < limits::retries_per_client;
  if (fits) {
    ++asked_[client];
    ++asked_count_;
  }
  if (!fits) ++shared_.counters.dropped_initials;
  return fits;
}

std::optional<AcceptQueue::Waiting> AcceptQueue::next(Mono now) {
  while (!waiting_.empty()) {
    const auto first = waiting_.begin();
    Waiting out = std::move(first->second);
    places_.leave(first->first);
    waiting_.erase(first);
    if (now - out.since < limits::quic_handshake_timeout) return out;
    ++shared_.counters.dropped_initials;
  }
  return std::nullopt;
}

void AcceptQueue::check_invariants() const {
  // Protects newcomers: a place in the queue is given back with the datagram that waited there.
  MOSAIK_ASSERT(waiting_.size() == places_.size());
  MOSAIK_ASSERT(waiting_.size() <= limits::handshake_backlog);
  std::size_t asked = 0;
  for (const auto& [client, count] : asked_) {
    // Protects each client: one that floods takes no more Retries than its part.
    MOSAIK_ASSERT(count <= limits::retries_per_client);
    asked += count;
  }
  MOSAIK_ASSERT(asked == asked_count_ && asked_count_ <= limits::retries_per_window);
}

}  // namespace mosaik::quic
