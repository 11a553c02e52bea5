#include "transport/quic/admission/replies.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace mosaik::quic {

void Replies::push(const DatagramPath& path, Reply& reply, ngtcp2_ssize size) {
  if (size <= 0) return;
  MOSAIK_ASSERT(static_cast<std::size_t>(size) <= reply.bytes.size());
  reply.path = path;
  reply.size = static_cast<std::size_t>(size);
  waiting_.push_back(reply);
}

void Replies::negotiate_version(const DatagramPath& path, const ngtcp2_version_cid& asked) {
  // RFC 8999 allows ids of 255 bytes in versions to come; nobody who uses them is waiting for version 1.
  if (waiting_.size() >= most || asked.dcidlen > Cid::most || asked.scidlen > Cid::most) return;
  constexpr std::uint32_t version = NGTCP2_PROTO_VER_V1;
  Reply reply;
  push(path, reply,
       ngtcp2_pkt_write_version_negotiation(reply.bytes.data(), reply.bytes.size(),
                                            static_cast<std::uint8_t>(shared_.random_word()), asked.scid, asked.scidlen,
                                            asked.dcid, asked.dcidlen, &version, 1));
}

void Replies::ask_to_retry(Mono now, const DatagramPath& path, const ngtcp2_pkt_hd& first) {
  if (waiting_.size() >= most) return;
  const Cid own = shared_.random_cid();
  ngtcp2_cid retry{};
  ngtcp2_cid_init(&retry, own.bytes.data(), own.size);
  const RetryTokens::Token token =
      shared_.retries.make(now, path.remote, Cid(BytesView(first.dcid.data, first.dcid.datalen)), own);
  Reply reply;
  push(path, reply,
       ngtcp2_crypto_write_retry(reply.bytes.data(), reply.bytes.size(), first.version, &first.scid, &retry,
                                 &first.dcid, token.bytes.data(), token.size));
  ++shared_.counters.retries_sent;
}

void Replies::reset(Mono now, const DatagramPath& path, BytesView cid, std::size_t size) {
  constexpr std::size_t least = 21;  // 5 bytes that look random, 16 of token
  constexpr std::size_t enough = 43;
  // Smaller than the packet that asks: two ends that reset each other's resets come to an end.
  if (size <= least || waiting_.size() >= most || !resets_.take_whole(now)) return;
  std::array<std::uint8_t, enough> random{};
  shared_.random.fill(random);
  const ResetToken token = shared_.resets.token(cid);
  Reply reply;
  push(path, reply,
       ngtcp2_pkt_write_stateless_reset(reply.bytes.data(), std::min(size - 1, enough), token.data(), random.data(),
                                        random.size()));
  ++shared_.counters.stateless_resets_sent;
}

bool Replies::write(DatagramBatch& out) {
  while (!waiting_.empty()) {
    const Reply& reply = waiting_.front();
    if (out.room().size() < reply.size) return false;
    std::ranges::copy(BytesView(reply.bytes).first(reply.size), out.room().begin());
    out.commit(reply.path, reply.size);
    ++shared_.counters.datagrams_sent;
    waiting_.pop_front();
  }
  return true;
}

}  // namespace mosaik::quic
