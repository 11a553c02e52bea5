#include "quic/addresses.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace mosaik::quic {
namespace {

/// "The kernel shall choose": the unspecified address of the remote's family.
SocketAddress any_local(const SocketAddress& remote) noexcept {
  return remote.is_v4() ? SocketAddress() : SocketAddress::v6({}, 0);
}

}  // namespace

DialAddresses::DialAddresses(const std::vector<SocketAddress>& addresses) {
  for (const SocketAddress& address : addresses) {
    if (candidates_.size() == limits::dial_addresses) break;
    if (std::ranges::find(candidates_, address) == candidates_.end()) candidates_.push_back(address);
  }
  for (const SocketAddress& address : candidates_) targets_.push_back({any_local(address), address});
}

bool DialAddresses::admits(const SocketAddress& from) const noexcept {
  return std::ranges::find(candidates_, from) != candidates_.end();
}

void DialAddresses::on_answer(const SocketAddress& remote) noexcept {
  if (!selected_) {
    selected_ = true;
    targets_.assign(1, {any_local(remote), remote});
  }
}

bool DialAddresses::on_unreachable(const SocketAddress& remote) noexcept {
  std::erase_if(targets_, [&](const DatagramPath& target) { return target.remote == remote && targets_.size() > 1; });
  return targets_.size() == 1 && targets_.front().remote == remote;
}

}  // namespace mosaik::quic
