#pragma once
/// Our types as ngtcp2 takes them. Private to the room.

#include <ngtcp2/ngtcp2.h>

#include "base/now.hpp"
#include "base/sockaddr.hpp"
#include "transport/quic/connection/cid.hpp"

namespace mosaik::quic {

[[nodiscard]] inline ngtcp2_tstamp stamp(Mono now) noexcept {
  return static_cast<ngtcp2_tstamp>(now.time_since_epoch().count());
}

[[nodiscard]] inline ngtcp2_cid to_ngtcp2(const Cid& cid) noexcept {
  ngtcp2_cid out{};
  ngtcp2_cid_init(&out, cid.bytes.data(), cid.size);
  return out;
}

/// The path that QUIC believes each connection to have, for its whole life. Connection knows the real one.
inline constexpr SocketAddress logical_local = SocketAddress::v4({127, 0, 0, 1}, 1);
inline constexpr SocketAddress logical_remote = SocketAddress::v4({127, 0, 0, 1}, 2);

/// An ngtcp2_path with the addresses that it points to.
struct PathStorage {
  PathStorage(const SocketAddress& from, const SocketAddress& to) noexcept : local(from), remote(to) {
    path.local = {&local.any, local.size()};
    path.remote = {&remote.any, remote.size()};
  }
  PathStorage(const PathStorage&) = delete;
  PathStorage& operator=(const PathStorage&) = delete;

  Sockaddr local, remote;
  ngtcp2_path path{};
};

}  // namespace mosaik::quic
