#include "sim/world/hosts.hpp"

#include <algorithm>

#include "crypto/hash.hpp"

namespace mosaik::sim {

namespace {

struct Key {
  Bytes32 seed{};
  PeerId id;
};

const std::vector<Key>& key_table() {
  static const std::vector<Key> table = [] {
    std::map<PeerId, Bytes32> sorted;
    for (std::size_t i = 0; i < keys; ++i) {
      const Bytes32 seed = crypto::hash({bytes_of("key " + std::to_string(i))});
      sorted.emplace(crypto::SecretKey::from_seed(seed).id(), seed);
    }
    std::vector<Key> out;
    for (const auto& [id, seed] : sorted) out.push_back({seed, id});
    return out;
  }();
  return table;
}

}  // namespace

const Bytes32& key_seed(std::size_t index) {
  return key_table().at(index).seed;
}
const PeerId& key_id(std::size_t index) {
  return key_table().at(index).id;
}

HostId Hosts::add(HostSpec spec, const Rng& world) {
  const HostId id{static_cast<std::uint32_t>(hosts_.size())};
  Host& host = *hosts_.emplace_back(std::make_unique<Host>(id, std::move(spec), world));
  host.peer = key_id(host.spec.key);
  host.address = SocketAddress::v4({10, 0, 0, static_cast<std::uint8_t>(id.value + 1)}, 4433);
  host.clock = Clock(host.rng.fork("uptime").between(1s, 86400s));
  names_.try_emplace(host.peer, host.spec.name);
  return id;
}

const Host* Hosts::holder_of(const SocketAddress& address) const {
  const auto found = std::ranges::find(hosts_, address, [](const auto& each) { return each->address; });
  return found == hosts_.end() ? nullptr : found->get();
}

std::string Hosts::name_of(const PeerId& peer) const {
  const auto found = names_.find(peer);
  return found == names_.end() ? peer.brief() : found->second;
}

std::size_t Hosts::invented() const {
  return invented_members * static_cast<std::size_t>(std::ranges::count_if(
                                hosts_, [](const auto& each) { return each->spec.software == Software::planter; }));
}

}  // namespace mosaik::sim
