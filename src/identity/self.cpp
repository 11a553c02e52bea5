#include <algorithm>
#include <limits>

#include "base/limits.hpp"
#include "identity/entry.hpp"

namespace mosaik::identity {
namespace {

/// `value + 1`, or `value` when there is no more (spec: discovery 1.7, saturating).
std::int64_t after(std::int64_t value) noexcept {
  return value == std::numeric_limits<std::int64_t>::max() ? value : value + 1;
}

/// Addresses that mean something to another host. A link-local IPv6 address does only with its scope, which entries
/// cannot carry; two that differ by scope alone would even make the entry unverifiable (spec: discovery 1.10).
bool is_advertisable(const SocketAddress& address) noexcept {
  const bool link_local = !address.is_v4() && address.octets()[0] == 0xfe && (address.octets()[1] & 0xc0U) == 0x80;
  return !link_local && !address.is_unspecified() && address.port() != 0;
}

}  // namespace

Self::Self(crypto::SecretKey key, const NetworkId& network, Wall now, std::int64_t last_started)
    : key_(std::move(key)) {
  const std::int64_t started = std::max(now.milliseconds, after(last_started));
  PeerEntry entry;
  entry.protocol = protocol;
  entry.network = network;
  entry.version = {.started = started, .updated = started};
  entry.id = key_.id();
  current_ = sign(entry, key_);
}

bool Self::set_addresses(std::vector<SocketAddress> addresses, Wall now) {
  std::erase_if(addresses, [](const SocketAddress& address) { return !is_advertisable(address); });
  PeerEntry entry = current_->entry;
  entry.addresses.clear();
  // Sorted on the wire, and cut before that: the caller's best come first.
  for (const SocketAddress& address : addresses) {
    if (entry.addresses.size() == limits::entry_addresses) break;
    const TransportAddress one = address;
    if (std::ranges::find(entry.addresses, one) == entry.addresses.end()) entry.addresses.push_back(one);
  }
  entry = wire::canonical(std::move(entry));
  if (entry.addresses == current_->entry.addresses) return false;
  publish(std::move(entry), now);
  return true;
}

bool Self::set_tags(std::vector<Tag> tags, Wall now) {
  PeerEntry entry = current_->entry;
  entry.tags = std::move(tags);
  entry = wire::canonical(std::move(entry));
  if (entry.tags.size() > limits::entry_items) entry.tags.resize(limits::entry_items);
  if (entry.tags == current_->entry.tags) return false;
  publish(std::move(entry), now);
  return true;
}

bool Self::join(const GroupId& group, Wall now) {
  const std::size_t joined = current_->entry.groups.size();
  if (current_->names(group) || joined >= limits::groups) return false;
  PeerEntry entry = current_->entry;
  entry.groups.push_back(group);
  publish(wire::canonical(std::move(entry)), now);
  return true;
}

bool Self::leave(const GroupId& group, Wall now) {
  PeerEntry entry = current_->entry;
  if (std::erase(entry.groups, group) == 0) return false;
  publish(std::move(entry), now);
  return true;
}

void Self::refresh(Wall now) {
  publish(current_->entry, now);
}

void Self::publish(PeerEntry entry, Wall now) {
  entry.version.updated = after(std::max(entry.version.updated, now.milliseconds));
  current_ = sign(entry, key_);
}

}  // namespace mosaik::identity
