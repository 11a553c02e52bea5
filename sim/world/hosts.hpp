#pragma once
/// The computers of the world by their numbers, and the secret keys that are dealt to them.

#include <map>
#include <memory>
#include <vector>

#include "sim/world/host.hpp"

namespace mosaik::sim {

class Hosts {
 public:
  HostId add(HostSpec spec, const Rng& world);
  [[nodiscard]] Host& at(HostId id) { return *hosts_.at(id.value); }
  [[nodiscard]] const Host& at(HostId id) const { return *hosts_.at(id.value); }
  [[nodiscard]] const std::vector<std::unique_ptr<Host>>& all() const noexcept { return hosts_; }
  /// In a world without routes: the host with this address; null when there is not one.
  [[nodiscard]] const Host* holder_of(const SocketAddress& address) const;
  /// Name of the host with this key, for traces.
  [[nodiscard]] std::string name_of(const PeerId& peer) const;
  /// How many members do not exist, and are heard of all the same.
  [[nodiscard]] std::size_t invented() const;

 private:
  std::vector<std::unique_ptr<Host>> hosts_;
  std::map<PeerId, std::string> names_;
};

/// The secret key number `index` of the world: ids ascend with it.
[[nodiscard]] const Bytes32& key_seed(std::size_t index);
[[nodiscard]] const PeerId& key_id(std::size_t index);
inline constexpr std::size_t keys = 24;
/// What each planter invents.
inline constexpr std::size_t invented_members = 200;
inline constexpr SocketAddress victim_address = SocketAddress::v4({203, 0, 113, 7}, 4433);

}  // namespace mosaik::sim
