#include "runtime/sockets.hpp"

#include <utility>

#include "base/limits.hpp"

namespace mosaik::runtime {
namespace {

constexpr std::size_t batch_bytes = 256U << 10U;  // some 200 full datagrams, four GSO sends

}  // namespace

Sockets::Sockets(std::vector<udp::Socket> sockets, FreshSockets& fresh)
    : sockets_(std::move(sockets)), fresh_(fresh), batch_(batch_bytes) {}

Drained Sockets::receive(std::size_t index, const Now& now, node::Node& node) {
  const std::size_t got = sockets_[index].receive(limits::datagrams_per_step, [&](const udp::Received& received) {
    node.on_datagram(now, received.path, received.bytes);
  });
  return got >= limits::datagrams_per_step ? Drained::partly : Drained::all;
}

void Sockets::receive_errors(std::size_t index, const Now& now, node::Node& node) {
  hand_errors(sockets_[index], now, node);
}

void hand_errors(udp::Socket& socket, const Now& now, node::Node& node) {
  socket.receive_errors([&](const udp::Unreachable& error) {
    if (error.kind == udp::Unreachable::Kind::too_big)
      return node.on_too_big(now, error.remote, error.quoted, error.too_big);
    const bool port = error.kind == udp::Unreachable::Kind::port && error.by_destination;
    node.on_unreachable(now, error.remote, error.quoted, port ? Refusal::port : Refusal::path);
  });
}

void hand_own_errors(udp::Socket& socket, const Now& now, node::Node& node) {
  socket.receive_own_errors(
      [&](const udp::Unreachable& error) { node.on_too_big(now, error.remote, error.quoted, error.too_big); });
}

void Sockets::transmit(const Now& now, node::Node& node) {
  bool more = true;
  while (send_batch(now) && more) more = node.transmit(now, batch_);
  for (udp::Socket& socket : sockets_) hand_own_errors(socket, now, node);
  fresh_.tell_own_errors(now, node);
}

bool Sockets::send_batch(const Now& now) {
  blocked_ = nullptr;
  for (; sent_items_ < batch_.items().size(); ++sent_items_) {
    const DatagramBatch::Item& item = batch_.items()[sent_items_];
    if (item.path.outlet != 0) {
      fresh_.send(now, item.path, batch_.bytes(item), item.segment);
      continue;
    }
    udp::Socket* const socket = towards(item.path.remote);
    if (socket == nullptr) continue;  // no socket of this family: as lost as on any other way
    if (!socket->send(item.path, batch_.bytes(item), item.segment)) {
      blocked_ = socket;
      return false;
    }
  }
  batch_.clear();
  sent_items_ = 0;
  return true;
}

udp::Socket* Sockets::towards(const SocketAddress& remote) noexcept {
  for (udp::Socket& socket : sockets_)
    if (socket.local().family() == remote.family()) return &socket;
  return nullptr;
}

}  // namespace mosaik::runtime
