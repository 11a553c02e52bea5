#include "runtime/fresh_sockets.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "runtime/sockets.hpp"

namespace mosaik::runtime {
namespace {

std::size_t key_of(std::uint8_t outlet, SocketAddress::Family family) {
  return 2U * outlet + (family == SocketAddress::Family::v6 ? 1U : 0U);
}

}  // namespace

Result<FreshSockets> FreshSockets::open() {
  auto poller = Poller::open();
  if (!poller) return std::unexpected(poller.error());
  return FreshSockets(std::move(*poller));
}

FreshSockets::Fresh* FreshSockets::find(const DatagramPath& path) {
  const Key key{path.outlet, path.remote.family()};
  if (const auto found = sockets_.find(key); found != sockets_.end()) return &found->second;
  auto socket = udp::Socket::open(path.remote.is_v4() ? SocketAddress() : SocketAddress::v6({}, 0));
  if (!socket || !poller_.add(socket->fd(), key_of(key.first, key.second))) return nullptr;
  return &sockets_.emplace(key, Fresh{std::move(*socket)}).first->second;
}

void FreshSockets::send(const Now& now, const DatagramPath& path, BytesView bytes, std::size_t segment) {
  Fresh* const fresh = find(path);
  if (fresh == nullptr) return;
  fresh->used = now.mono;
  static_cast<void>(fresh->socket.send(path, bytes, segment));
}

void FreshSockets::tell_own_errors(const Now& now, node::Node& node) {
  for (auto& [key, fresh] : sockets_) hand_own_errors(fresh.socket, now, node);
}

void FreshSockets::receive(const Now& now, node::Node& node) {
  for (const Poller::Ready& ready : poller_.wait(now.mono)) {
    for (auto& [key, fresh] : sockets_) {
      if (key_of(key.first, key.second) != ready.key) continue;
      fresh.socket.receive(limits::datagrams_per_step, [&](const udp::Received& received) {
        node.on_datagram(now, {received.path.local, received.path.remote, key.first}, received.bytes);
      });
      if (ready.failed) hand_errors(fresh.socket, now, node);
    }
  }
}

void FreshSockets::close_idle(const Now& now) {
  std::erase_if(sockets_, [&](const auto& item) { return now.mono - item.second.used >= limits::fresh_port_idle; });
}

Mono FreshSockets::next_deadline() const {
  Mono out = never;
  for (const auto& [key, fresh] : sockets_) out = std::min(out, fresh.used + limits::fresh_port_idle);
  return out;
}

}  // namespace mosaik::runtime
