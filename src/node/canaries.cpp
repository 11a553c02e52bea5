#include "node/canaries.hpp"

#include <algorithm>

#include <mosaik/postcard.hpp>

#include "crypto/hash.hpp"

namespace mosaik::node {
namespace {

constexpr std::string_view exporter_label = "mosaik.canary.v1";
constexpr unsigned most_attempts = 6;
constexpr Nanoseconds knock_doubt = 20ms;  // and two round trips: who does not know the token has closed by then
constexpr Nanoseconds first_pause = 2s;    // between an end and the next offer; doubles with each attempt

std::optional<Bytes32> token_of(const quic::Links& links, quic::LinkId link, std::uint64_t serial) {
  const auto secret = links.exporter(link, bytes_of(exporter_label));
  if (!secret) return std::nullopt;
  std::vector<std::uint8_t> number;
  postcard::Writer(number).varint(serial);
  return crypto::Hasher::keyed(*secret).update(number).finish();
}

}  // namespace

CanaryId Canaries::name(const PeerId& peer, Perch& perch) {
  perch.canary = CanaryId{++last_id_};
  owners_[*perch.canary] = peer;
  return *perch.canary;
}

void Canaries::drop(Perch& perch, std::vector<CanaryEffect>& effects) {
  if (!perch.canary) return;
  owners_.erase(*perch.canary);
  effects.emplace_back(CloseCanary{*perch.canary});
  perch.canary.reset();
  perch.open = false;
}

void Canaries::offer(const Now& now, const PeerId& peer, Perch& perch, const quic::Links& links,
                     std::vector<CanaryEffect>& effects) {
  perch.offer_at = never;
  if (self_ > peer || perch.attempts >= most_attempts) return;
  const quic::LinkId link = perch.links.front();
  const auto stats = links.stats(link);
  if (!stats) return;
  const std::uint16_t port = stats->remote.is_v4() ? ports_.v4 : ports_.v6;
  if (port == 0) return;
  const auto token = token_of(links, link, ++perch.serial);
  if (!token) return;
  // Lost with a link that ends, or refused: then there is another offer, unless on_opened cancels it.
  perch.offer_at = now.mono + first_pause * (1U << perch.attempts);
  ++perch.attempts;
  drop(perch, effects);
  effects.emplace_back(ExpectCanary{name(peer, perch), *token});
  std::vector<std::uint8_t> value;
  postcard::Writer(value).varint(port).varint(perch.serial);
  effects.emplace_back(CanaryOffer{peer, link, std::move(value)});
}

void Canaries::on_bond_up(const Now& now, const PeerId& peer, quic::LinkId link, const quic::Links& links,
                          std::vector<CanaryEffect>& effects) {
  Perch& perch = perches_[peer];
  perch.links.push_back(link);
  if (perch.links.size() == 1) offer(now, peer, perch, links, effects);
}

void Canaries::on_bond_down(const Now& now, const PeerId& peer, quic::LinkId link, const quic::Links& links,
                            std::vector<CanaryEffect>& effects) {
  const auto found = perches_.find(peer);
  if (found == perches_.end()) return;
  Perch& perch = found->second;
  const bool was_first = !perch.links.empty() && perch.links.front() == link;
  std::erase(perch.links, link);
  if (!was_first) return;
  drop(perch, effects);
  if (perch.links.empty()) {
    perches_.erase(found);
    return;
  }
  perch.serial = 0;  // the secret is another one
  perch.attempts = 0;
  offer(now, peer, perch, links, effects);
}

void Canaries::on_offer(const PeerId& peer, quic::LinkId link, BytesView value, const quic::Links& links,
                        std::vector<CanaryEffect>& effects) {
  const auto found = perches_.find(peer);
  if (found == perches_.end() || self_ < peer) return;
  Perch& perch = found->second;
  postcard::Reader reader(value);
  const std::uint64_t port = reader.varint(16);
  const std::uint64_t serial = reader.varint();
  const auto stats = links.stats(link);
  if (!reader.ok() || port == 0 || !stats) return;
  if (perch.links.front() != link) {
    // The two ends may lose the bonds of two groups in different order: the offering end's choice counts.
    const auto at = std::ranges::find(perch.links, link);
    if (at == perch.links.end()) return;
    std::rotate(perch.links.begin(), at, at + 1);
    perch.serial = 0;
  }
  if (serial <= perch.serial) return;
  perch.serial = serial;
  const auto token = token_of(links, link, serial);
  if (!token) return;
  drop(perch, effects);
  // Behind a published port or a NAT the address of the link is another host's, where another node may listen. It does
  // not know the token and closes at once: that says nothing about the peer.
  perch.doubt = 2 * stats->smoothed_rtt + knock_doubt;
  effects.emplace_back(
      DialCanary{name(peer, perch), stats->remote.with_port(static_cast<std::uint16_t>(port)), *token});
}

void Canaries::on_opened(const Now& now, CanaryId id) {
  const auto owner = owners_.find(id);
  if (owner == owners_.end()) return;
  Perch& perch = perches_.at(owner->second);
  perch.open = true;
  perch.believed_at = now.mono + perch.doubt;
  perch.offer_at = never;
}

std::optional<PeerId> Canaries::on_ended(const Now& now, CanaryId id) {
  const auto owner = owners_.find(id);
  if (owner == owners_.end()) return std::nullopt;
  const PeerId peer = owner->second;
  owners_.erase(owner);
  Perch& perch = perches_.at(peer);
  const bool was_open = perch.open && perch.believed_at <= now.mono;
  perch.canary.reset();
  perch.open = false;
  // Who still lives then gets another offer.
  if (self_ < peer && perch.offer_at == never && perch.attempts < most_attempts)
    perch.offer_at = now.mono + first_pause * (1U << perch.attempts);
  return was_open ? std::optional(peer) : std::nullopt;
}

void Canaries::on_timer(const Now& now, const quic::Links& links, std::vector<CanaryEffect>& effects) {
  for (auto& [peer, perch] : perches_)
    if (perch.offer_at <= now.mono) offer(now, peer, perch, links, effects);
}

Mono Canaries::next_deadline() const {
  Mono next = never;
  for (const auto& [peer, perch] : perches_) next = std::min(next, perch.offer_at);
  return next;
}

}  // namespace mosaik::node
