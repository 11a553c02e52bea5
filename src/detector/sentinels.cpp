#include "detector/sentinels.hpp"

#include <algorithm>

#include <mosaik/serialization/postcard.hpp>

#include "base/assert.hpp"
#include "crypto/hash.hpp"

namespace mosaik::detector {
namespace {

constexpr std::string_view exporter_label = "mosaik.canary.v1";
constexpr unsigned most_attempts = 6;
constexpr Nanoseconds knock_doubt = 20ms;  // and two round trips: who does not know the token has closed by then
constexpr Nanoseconds first_pause = 2s;    // between an end and the next offer; doubles with each attempt

std::optional<Bytes32> token_of(const Links& links, LinkId link, std::uint64_t serial) {
  const auto secret = links.exporter(link, bytes_of(exporter_label));
  if (!secret) return std::nullopt;
  std::vector<std::uint8_t> number;
  postcard::Writer(number).varint(serial);
  return crypto::Hasher::keyed(*secret).update(number).finish();
}

}  // namespace

void Sentinels::SentinelSlot::enter(State next) {
  // Only a sentinel that was begun can open, and one is begun when the one before is over.
  MOSAIK_ASSERT(next == State::empty || (state == State::empty && next == State::pending) ||
                (state == State::pending && next == State::open));
  state = next;
}

SentinelId Sentinels::begin(const PeerId& peer, SentinelSlot& slot) {
  slot.enter(SentinelSlot::State::pending);
  slot.id = SentinelId{++last_id_};
  owners_[slot.id] = peer;
  return slot.id;
}

void Sentinels::drop(SentinelSlot& slot, std::vector<SentinelAction>& actions) {
  if (slot.state == SentinelSlot::State::empty) return;
  owners_.erase(slot.id);
  actions.emplace_back(CloseSentinel{slot.id});
  slot.enter(SentinelSlot::State::empty);
}

void Sentinels::offer(const Now& now, const PeerId& peer, SentinelSlot& slot, const Links& links,
                      std::vector<SentinelAction>& actions) {
  slot.offer_at = never;
  if (self_ > peer || slot.attempts >= most_attempts) return;
  const LinkId link = slot.links.front();
  const auto stats = links.stats(link);
  if (!stats) return;
  const std::uint16_t port = stats->remote.is_v4() ? ports_.v4 : ports_.v6;
  if (port == 0) return;
  const auto token = token_of(links, link, ++slot.serial);
  if (!token) return;
  // Lost with a link that ends, or refused: then there is another offer, unless on_opened cancels it.
  slot.offer_at = now.mono + first_pause * (1U << slot.attempts);
  ++slot.attempts;
  drop(slot, actions);
  actions.emplace_back(ExpectSentinel{begin(peer, slot), *token});
  std::vector<std::uint8_t> value;
  postcard::Writer(value).varint(port).varint(slot.serial);
  actions.emplace_back(SentinelOffer{peer, link, std::move(value)});
}

void Sentinels::on_bond_up(const Now& now, const PeerId& peer, LinkId link, const Links& links,
                           std::vector<SentinelAction>& actions) {
  SentinelSlot& slot = slots_[peer];
  slot.links.push_back(link);
  if (slot.links.size() == 1) offer(now, peer, slot, links, actions);
}

void Sentinels::on_bond_down(const Now& now, const PeerId& peer, LinkId link, const Links& links,
                             std::vector<SentinelAction>& actions) {
  const auto found = slots_.find(peer);
  if (found == slots_.end()) return;
  SentinelSlot& slot = found->second;
  const bool was_first = !slot.links.empty() && slot.links.front() == link;
  std::erase(slot.links, link);
  if (!was_first) return;
  drop(slot, actions);
  if (slot.links.empty()) {
    slots_.erase(found);
    return;
  }
  slot.serial = 0;  // the secret is another one
  slot.attempts = 0;
  offer(now, peer, slot, links, actions);
}

void Sentinels::on_offer(const PeerId& peer, LinkId link, BytesView value, const Links& links,
                         std::vector<SentinelAction>& actions) {
  const auto found = slots_.find(peer);
  if (found == slots_.end() || self_ < peer) return;
  SentinelSlot& slot = found->second;
  postcard::Reader reader(value);
  const std::uint64_t port = reader.varint(16);
  const std::uint64_t serial = reader.varint();
  const auto stats = links.stats(link);
  if (!reader.ok() || port == 0 || !stats) return;
  if (slot.links.front() != link) {
    // The two ends may lose the bonds of two groups in different order: the offering end's choice counts.
    const auto at = std::ranges::find(slot.links, link);
    if (at == slot.links.end()) return;
    std::rotate(slot.links.begin(), at, at + 1);
    slot.serial = 0;
  }
  if (serial <= slot.serial) return;
  slot.serial = serial;
  const auto token = token_of(links, link, serial);
  if (!token) return;
  drop(slot, actions);
  // Behind a published port or a NAT the address of the link is another host's, where another node may listen. It does
  // not know the token and closes at once: that says nothing about the peer.
  slot.doubt = 2 * stats->smoothed_rtt + knock_doubt;
  actions.emplace_back(
      DialSentinel{begin(peer, slot), stats->remote.with_port(static_cast<std::uint16_t>(port)), *token});
}

void Sentinels::on_opened(const Now& now, SentinelId id) {
  const auto owner = owners_.find(id);
  if (owner == owners_.end()) return;
  SentinelSlot& slot = slots_.at(owner->second);
  slot.enter(SentinelSlot::State::open);
  slot.believed_at = now.mono + slot.doubt;
  slot.offer_at = never;
}

std::optional<PeerId> Sentinels::on_ended(const Now& now, SentinelId id) {
  const auto owner = owners_.find(id);
  if (owner == owners_.end()) return std::nullopt;
  const PeerId peer = owner->second;
  owners_.erase(owner);
  SentinelSlot& slot = slots_.at(peer);
  const bool was_open = slot.state == SentinelSlot::State::open && slot.believed_at <= now.mono;
  slot.enter(SentinelSlot::State::empty);
  // A peer that still lives then gets another offer.
  if (self_ < peer && slot.offer_at == never && slot.attempts < most_attempts)
    slot.offer_at = now.mono + first_pause * (1U << slot.attempts);
  return was_open ? std::optional(peer) : std::nullopt;
}

void Sentinels::on_timer(const Now& now, const Links& links, std::vector<SentinelAction>& actions) {
  for (auto& [peer, slot] : slots_)
    if (slot.offer_at <= now.mono) offer(now, peer, slot, links, actions);
}

Mono Sentinels::next_deadline() const {
  Mono next = never;
  for (const auto& [peer, slot] : slots_) next = std::min(next, slot.offer_at);
  return next;
}

void Sentinels::check_invariants() const {
  std::size_t begun = 0;
  for (const auto& [peer, slot] : slots_) {
    // A slot without a bond would offer a sentinel that nothing ends.
    MOSAIK_ASSERT(!slot.links.empty());
    // Each sentinel costs a socket; a pair that cannot have one is left alone after some tries.
    MOSAIK_ASSERT(slot.attempts <= most_attempts);
    // The lower id offers, the higher dials: with two offers the ends would wait for different connections.
    MOSAIK_ASSERT(slot.offer_at == never || self_ < peer);
    if (slot.state == SentinelSlot::State::empty) continue;
    ++begun;
    // What the runtime tells of a sentinel reaches the peer that it stands for: or the wrong one would be suspected.
    const auto owner = owners_.find(slot.id);
    MOSAIK_ASSERT(owner != owners_.end() && owner->second == peer);
  }
  // An id without a slot is a socket that nobody closes.
  MOSAIK_ASSERT(begun == owners_.size());
}

}  // namespace mosaik::detector
