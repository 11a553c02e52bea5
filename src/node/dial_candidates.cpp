#include "node/dial_candidates.hpp"

#include <algorithm>
#include <tuple>

#include "base/dial_budget.hpp"
#include "base/dial_targets.hpp"

namespace mosaik::node {
namespace {

/// RFC 6890, RFC 4193: not routed on the internet.
bool is_private(const SocketAddress& address) {
  const auto& octets = address.octets();
  if (!address.is_v4()) return (octets[0] & 0xfeU) == 0xfcU;
  return octets[0] == 10 || (octets[0] == 172 && (octets[1] & 0xf0U) == 16) || (octets[0] == 192 && octets[1] == 168) ||
         (octets[0] == 100 && (octets[1] & 0xc0U) == 64);
}

/// The masks of interfaces are not known here: a /24 or /64 is what most have in common.
bool shares_subnet(const SocketAddress& x, const SocketAddress& y) {
  if (x.is_v4() != y.is_v4()) return false;
  const std::size_t bytes = x.is_v4() ? 3 : 8;
  return std::equal(x.octets().begin(), x.octets().begin() + static_cast<std::ptrdiff_t>(bytes), y.octets().begin());
}

/// Ascending by key; equal ones keep their order.
template <class Key>
void sort_by(std::vector<SocketAddress>& addresses, const Key& key) {
  std::vector<std::pair<decltype(key(addresses.front())), std::size_t>> order;
  for (const SocketAddress& address : addresses) order.emplace_back(key(address), order.size());
  std::ranges::sort(order);
  std::vector<SocketAddress> out;
  for (const auto& [rank, at] : order) out.push_back(addresses[at]);
  addresses = std::move(out);
}

}  // namespace

void DialCandidates::set_own(std::vector<SocketAddress> reachable) {
  reachable_ = std::move(reachable);
  std::erase_if(reachable_, [](const SocketAddress& address) { return address.is_loopback(); });
  // An address that was left out because we answered there ourselves may be somebody else's now.
  for (auto& [key, record] : records_) record.left_out_until = {};
}

void DialCandidates::set_configured(std::size_t contact, const PeerId& peer, std::vector<SocketAddress> addresses) {
  if (addresses.size() > limits::dial_candidates) addresses.resize(limits::dial_candidates);
  configured_[{peer, contact}] = std::move(addresses);
}

void DialCandidates::set_answered(std::size_t contact, const PeerId& peer, const SocketAddress& address) {
  std::size_t others = 0;
  std::erase_if(configured_, [&](const auto& item) {
    if (item.first.second != contact) return false;
    const bool same = item.first.first == peer || item.second == std::vector{address};
    return same || ++others >= limits::dial_candidates;
  });
  configured_[{peer, contact}] = {address};
}

bool DialCandidates::is_configured(const PeerId& peer, const SocketAddress& address) const {
  bool out = false;
  for_each_configured(peer, [&](const SocketAddress& configured) { out = out || configured == address; });
  return out;
}

std::vector<SocketAddress> DialCandidates::all(const PeerId& peer, const Known& known) const {
  std::vector<SocketAddress> out;
  const auto add = [&](const SocketAddress& address) {
    if (out.size() < limits::dial_candidates && std::ranges::find(out, address) == out.end()) out.push_back(address);
  };
  if (known.met) add(*known.met);
  if (known.moved_to) add(*known.moved_to);
  for_each_configured(peer, add);
  for (const SocketAddress& address : known.named) add(address);
  return out;
}

AddressPlace DialCandidates::place_of(const SocketAddress& named) const {
  const SocketAddress address = unmapped(named);
  if (address.is_loopback()) return AddressPlace::loopback;
  if (address.is_link_local()) return AddressPlace::link_local;
  const auto near = [&](const SocketAddress& own) { return shares_subnet(own, address); };
  if (std::ranges::any_of(reachable_, near)) return AddressPlace::own_subnet;
  return is_private(address) ? AddressPlace::private_use : AddressPlace::global;
}

std::vector<SocketAddress> DialCandidates::choose(Mono now, const PeerId& peer, std::vector<SocketAddress> candidates,
                                                  const Known& known) const {
  const auto left_out = [&](const SocketAddress& address) {
    const Record* const record = find(peer, address);
    return record != nullptr && record->left_out_until > now;
  };
  const auto favour = [&](const SocketAddress& address) {
    return address == known.met ? 0 : address == known.moved_to ? 1 : 2;
  };
  const auto tried = [&](const SocketAddress& address) {
    const Record* const record = find(peer, address);
    return record == nullptr ? Mono{} : record->tried;
  };
  if (!std::ranges::all_of(candidates, left_out)) std::erase_if(candidates, left_out);
  sort_by(candidates,
          [&](const SocketAddress& address) { return std::tuple(favour(address), tried(address), place_of(address)); });
  if (candidates.size() > limits::dial_addresses) candidates.resize(limits::dial_addresses);
  // Of one host, one is dialed at a time: the longest untried goes before the others.
  std::map<SocketAddress, int> of_host;
  std::map<SocketAddress, int> turn;
  for (const SocketAddress& address : candidates) turn[address] = of_host[host_of(address)]++;
  sort_by(candidates,
          [&](const SocketAddress& address) { return std::tuple(favour(address), turn[address], place_of(address)); });
  return candidates;
}

const DialCandidates::Record* DialCandidates::find(const PeerId& peer, const SocketAddress& address) const {
  const auto found = records_.find({peer, address});
  return found == records_.end() ? nullptr : &found->second;
}

DialCandidates::Record& DialCandidates::touch(const Key& key) {
  if (const auto found = records_.find(key); found != records_.end()) {
    by_age_.erase(found->second.order);
  } else if (records_.size() >= limits::dial_records) {
    records_.erase(by_age_.begin()->second);
    by_age_.erase(by_age_.begin());
  }
  Record& record = records_[key];
  record.order = ++order_;
  by_age_[record.order] = key;
  return record;
}

void DialCandidates::on_tried(Mono now, const PeerId& peer, const SocketAddress& address) {
  Record& record = touch({peer, address});
  if (record.tries++ == 0) record.first_tried = now;
  record.tried = now;
}

void DialCandidates::on_foreign(Mono now, const PeerId& peer, const SocketAddress& address, bool ours) {
  touch({peer, address}).left_out_until = now + (ours ? own_pause : foreign_pause);
}

void DialCandidates::on_answer(const PeerId& peer, const SocketAddress& address) {
  const auto found = records_.find({peer, address});
  if (found == records_.end()) return;
  by_age_.erase(found->second.order);
  records_.erase(found);
}

}  // namespace mosaik::node
