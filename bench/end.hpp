#pragma once
/// Ends of links without a node: an endpoint on a socket, stepped as the loop does it. What they cost is the floor for
/// everything above.

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

#include "base/limits.hpp"
#include "runtime/clock.hpp"
#include "runtime/entropy.hpp"
#include "transport/quic/quic.hpp"
#include "transport/udp/socket.hpp"

namespace mosaik::bench {

inline udp::Socket open_socket() {
  return std::move(udp::Socket::open(SocketAddress::v4({127, 0, 0, 1}, 0)).value());
}

inline void wait_readable(const udp::Socket& socket, Nanoseconds limit) {
  pollfd ready{socket.fd(), POLLIN, 0};
  const timespec time{limit.count() / 1'000'000'000, limit.count() % 1'000'000'000};
  ppoll(&ready, 1, &time, nullptr);
}

/// What is drawn for an end: the seed of its key, and that of its endpoint's randomness.
struct EndSeeds {
  Bytes32 key = runtime::random_bytes32();
  Bytes32 random = runtime::random_bytes32();
};

/// One end: an endpoint on a socket, stepped by its own thread.
class End {
 public:
  explicit End(std::function<void(End&, const LinkEvent&)> on_event, std::size_t datagram = limits::loopback_datagram,
               const EndSeeds& seeds = {})
      : key_(crypto::SecretKey::from_seed(seeds.key)),
        owned(quic::make_endpoint(key_, {.random_seed = seeds.random, .loopback_datagram = datagram})),
        endpoint(*owned),
        socket_(open_socket()),
        on_event_(std::move(on_event)) {}

  /// As runtime/loop.hpp does it: send, sleep, read what came, keep timers.
  void step() {
    flush(runtime::read_clock());
    if (!more_)
      wait_readable(socket_, std::clamp<Nanoseconds>(endpoint.next_deadline() - runtime::read_mono(), 0ns, 20ms));
    take(runtime::read_clock());
  }
  /// The same at a time that the caller makes up, without sleep: for ends that one thread steps in turn.
  void step_at(const Now& now) {
    flush(now);
    take(now);
  }
  void take(const Now& now) {
    socket_.receive(limits::datagrams_per_step,
                    [&](const udp::Received& in) { endpoint.on_datagram(now, in.path, in.bytes); });
    static_cast<void>(endpoint.advance(now));
    while (const auto event = endpoint.next_event()) on_event_(*this, *event);
    if (now.mono >= endpoint.next_deadline()) endpoint.on_timer(now);
  }
  void flush(const Now& now) {
    batch_.clear();
    more_ = endpoint.transmit(now, batch_);
    for (const auto& item : batch_.items())
      while (!socket_.send(item.path, batch_.bytes(item), item.segment)) wait_writable();
  }
  [[nodiscard]] const PeerId& id() const { return key_.id(); }
  [[nodiscard]] SocketAddress address() const { return socket_.local(); }

 private:
  void wait_writable() const {
    pollfd ready{socket_.fd(), POLLOUT, 0};
    static_cast<void>(poll(&ready, 1, 100));
  }
  crypto::SecretKey key_;

 public:
  FramePool pool;  // outlives the endpoint, which holds frames
  std::unique_ptr<Transport> owned;
  Transport& endpoint;

 private:
  udp::Socket socket_;
  std::function<void(End&, const LinkEvent&)> on_event_;
  DatagramBatch batch_{1U << 18U};
  bool more_ = false;
};

/// An end that runs on a thread until it is destroyed.
class Background {
 public:
  explicit Background(End& end)
      : thread_([this, &end] {
          while (!stop_) end.step();
        }) {}
  ~Background() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

/// Sends every frame back.
inline void echo_frames(End& end, const LinkEvent& event) {
  if (const auto* frame = std::get_if<LinkFrame>(&event))
    static_cast<void>(end.endpoint.send(frame->link, SendClass::consensus, end.pool.make(frame->payload)));
}

}  // namespace mosaik::bench
