#include "sim/world/plain_packet.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace mosaik::sim {

namespace {

constexpr std::size_t check_size = 8;

/// A quick mix, eight bytes at a time: it guards against bad luck, not against enemies.
std::uint64_t check_value(BytesView bytes, std::uint64_t key) {
  std::uint64_t state = key ^ (bytes.size() * 0x9e3779b97f4a7c15U);
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    std::uint64_t word = 0;
    for (std::size_t i = std::min<std::size_t>(8, bytes.size() - at); i > 0; --i) word = word << 8U | bytes[at + i - 1];
    state = (state ^ word) * 0xbf58476d1ce4e5b9U;
    state ^= state >> 29U;
  }
  return state * 0x94d049bb133111ebU;
}

class Writer {
 public:
  void number(std::uint64_t value) {
    for (int i = 0; i < 8; ++i) out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void byte(std::uint8_t value) { out_.push_back(value); }
  void bytes(BytesView view) { out_.insert(out_.end(), view.begin(), view.end()); }
  std::vector<std::uint8_t> seal(std::uint64_t key) {
    number(check_value(out_, key));
    return std::move(out_);
  }

 private:
  std::vector<std::uint8_t> out_;
};

class Reader {
 public:
  explicit Reader(BytesView bytes) : rest_(bytes) {}
  std::uint64_t number() {
    std::uint64_t out = 0;
    const BytesView view = take(8);
    for (std::size_t i = view.size(); i > 0; --i) out = out << 8U | view[i - 1];
    return out;
  }
  std::uint8_t byte() {
    const BytesView view = take(1);
    return view.empty() ? std::uint8_t{} : view[0];
  }
  Bytes32 bytes32() {
    Bytes32 out{};
    std::ranges::copy(take(32), out.begin());
    return out;
  }
  [[nodiscard]] BytesView rest() const { return rest_; }
  [[nodiscard]] bool good() const { return good_; }

 private:
  BytesView take(std::size_t size) {
    good_ = good_ && rest_.size() >= size;
    if (!good_) return {};
    const BytesView out = rest_.first(size);
    rest_ = rest_.subspan(size);
    return out;
  }
  BytesView rest_;
  bool good_ = true;
};

std::uint8_t number_of(const Alpn& alpn) {
  const auto found = std::ranges::find(known_alpns, alpn);
  MOSAIK_ASSERT(found != known_alpns.end());
  return static_cast<std::uint8_t>(found - known_alpns.begin());
}

}  // namespace

std::vector<std::uint8_t> encode(const PlainPacket& packet, std::uint64_t key) {
  Writer out;
  out.byte(static_cast<std::uint8_t>(packet.kind));
  out.number(packet.to.value);
  switch (packet.kind) {
    case PacketKind::initial:
    case PacketKind::reply:
      out.number(packet.from.value);
      out.bytes(packet.wanted.view());
      out.bytes(packet.self.view());
      out.bytes(packet.random);
      out.number(packet.reset_token);
      out.byte(number_of(packet.alpn));
      break;
    case PacketKind::finished:
    case PacketKind::done: out.number(packet.from.value); break;
    case PacketKind::data:
      out.number(packet.number);
      out.number(packet.largest);
      out.number(packet.seen);
      out.byte(packet.wants_ack ? 1 : 0);
      out.number(packet.offset);
      out.bytes(packet.bytes);
      break;
    case PacketKind::close:
      out.byte(packet.application ? 1 : 0);
      out.number(packet.code);
      break;
    case PacketKind::reset: out.number(packet.reset_token); break;
  }
  return out.seal(key);
}

bool opens(BytesView datagram, std::uint64_t key) {
  if (datagram.size() < check_size) return false;
  Reader tail(datagram.last(check_size));
  return tail.number() == check_value(datagram.first(datagram.size() - check_size), key);
}

std::optional<PlainPacket> decode(BytesView datagram) {
  if (datagram.size() < check_size) return std::nullopt;
  Reader in(datagram.first(datagram.size() - check_size));
  PlainPacket out;
  out.kind = static_cast<PacketKind>(in.byte());
  out.to = {in.number()};
  switch (out.kind) {
    case PacketKind::initial:
    case PacketKind::reply:
      out.from = {in.number()};
      out.wanted = PeerId(in.bytes32());
      out.self = PeerId(in.bytes32());
      out.random = in.bytes32();
      out.reset_token = in.number();
      if (const std::uint8_t number = in.byte(); number < known_alpns.size()) out.alpn = known_alpns[number];
      break;
    case PacketKind::finished:
    case PacketKind::done: out.from = {in.number()}; break;
    case PacketKind::data:
      out.number = in.number();
      out.largest = in.number();
      out.seen = in.number();
      out.wants_ack = in.byte() != 0;
      out.offset = in.number();
      out.bytes = in.rest();
      break;
    case PacketKind::close:
      out.application = in.byte() != 0;
      out.code = in.number();
      break;
    case PacketKind::reset: out.reset_token = in.number(); break;
    default: return std::nullopt;
  }
  if (!in.good()) return std::nullopt;
  return out;
}

}  // namespace mosaik::sim
