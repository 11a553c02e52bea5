// What a link costs over a bare UDP socket of the same kind, in one run, side by side: round trips of 64 bytes, bulk
// throughput, handshakes. Both ends on loopback, each on a thread of its own that sleeps in poll().

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "base/limits.hpp"
#include "quic/endpoint.hpp"
#include "runtime/clock.hpp"
#include "runtime/entropy.hpp"
#include "udp/socket.hpp"

namespace {

using namespace mosaik;

constexpr std::size_t small = 64;
constexpr std::size_t large = 60U << 10U;
constexpr int repetitions = 5;
constexpr int round_trips = 4000;
constexpr std::size_t bulk_bytes = 512U << 20U;
constexpr int handshakes = 200;

struct Figures {
  std::vector<double> values;
  void print(const char* what, const char* unit) {
    std::ranges::sort(values);
    std::printf("%-44s %10.1f %10.1f %10.1f  %s\n", what, values.front(), values[values.size() / 2], values.back(), unit);
  }
};

double seconds_since(Mono begin) { return std::chrono::duration<double>(runtime::read_clock().mono - begin).count(); }

udp::Socket open_socket() { return std::move(udp::Socket::open(SocketAddress::v4({127, 0, 0, 1}, 0)).value()); }

void wait_readable(const udp::Socket& socket, Nanoseconds limit) {
  pollfd ready{socket.fd(), POLLIN, 0};
  const timespec time{limit.count() / 1'000'000'000, limit.count() % 1'000'000'000};
  ppoll(&ready, 1, &time, nullptr);
}

/// One end: an endpoint on a socket, stepped by its own thread.
class End {
 public:
  explicit End(std::function<void(End&, const quic::LinkEvent&)> on_event)
      : key_(crypto::SecretKey::from_seed(runtime::random_bytes32())),
        endpoint(key_, {.random_seed = runtime::random_bytes32()}),
        socket_(open_socket()),
        on_event_(std::move(on_event)) {}

  void step() {
    const Now now = runtime::read_clock();
    socket_.receive(limits::datagrams_per_step, [&](const udp::Received& in) { endpoint.on_datagram(now, in.path, in.bytes); });
    static_cast<void>(endpoint.advance(now));
    while (const auto event = endpoint.next_event()) on_event_(*this, *event);
    if (now.mono >= endpoint.next_deadline()) endpoint.on_timer(now);
    flush(now);
    const Now after = runtime::read_clock();
    if (!more_) wait_readable(socket_, std::clamp<Nanoseconds>(endpoint.next_deadline() - after.mono, 0ns, 20ms));
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
  quic::Endpoint endpoint;

 private:
  udp::Socket socket_;
  std::function<void(End&, const quic::LinkEvent&)> on_event_;
  DatagramBatch batch_{1U << 18U};
  bool more_ = false;
};

/// An end that runs on a thread until it is destroyed.
class Background {
 public:
  explicit Background(End& end) : thread_([this, &end] { while (!stop_) end.step(); }) {}
  ~Background() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

double raw_round_trip_us() {
  udp::Socket one = open_socket();
  udp::Socket two = open_socket();
  std::atomic<bool> stop = false;
  std::thread echo([&] {
    while (!stop) {
      wait_readable(two, 20ms);
      two.receive(limits::datagrams_per_step, [&](const udp::Received& in) { static_cast<void>(two.send(in.path, in.bytes, in.bytes.size())); });
    }
  });
  const std::vector<std::uint8_t> payload(small);
  const Mono begin = runtime::read_clock().mono;
  for (int i = 0; i < round_trips; ++i) {
    static_cast<void>(one.send({one.local(), two.local()}, payload, payload.size()));
    for (bool back = false; !back;) {
      wait_readable(one, 20ms);
      one.receive(1, [&](const udp::Received&) { back = true; });
    }
  }
  const double took = seconds_since(begin);
  stop = true;
  echo.join();
  return took / round_trips * 1e6;
}

void on_echo(End& end, const quic::LinkEvent& event) {
  if (const auto* frame = std::get_if<quic::LinkFrame>(&event))
    static_cast<void>(end.endpoint.send(frame->link, quic::SendClass::consensus, end.pool.make(frame->payload)));
}

double link_round_trip_us() {
  End server(on_echo);
  int left = round_trips;
  Mono begin{};
  std::optional<double> took;
  const std::vector<std::uint8_t> payload(small);
  End client([&](End& end, const quic::LinkEvent& event) {
    const auto send = [&](quic::LinkId link) { static_cast<void>(end.endpoint.send(link, quic::SendClass::consensus, end.pool.make(payload))); };
    if (const auto* opened = std::get_if<quic::LinkOpened>(&event)) {
      begin = runtime::read_clock().mono;
      send(opened->link);
    } else if (const auto* frame = std::get_if<quic::LinkFrame>(&event)) {
      if (--left > 0) return send(frame->link);
      took = seconds_since(begin) / round_trips * 1e6;
    }
  });
  const Background background(server);
  static_cast<void>(client.endpoint.dial(runtime::read_clock(), {server.id(), {server.address()}, Alpn::groups}));
  while (!took) client.step();
  return *took;
}

double bulk_mib_per_s() {
  std::atomic<std::size_t> received = 0;
  End server([&](End& end, const quic::LinkEvent& event) {
    if (const auto* opened = std::get_if<quic::LinkOpened>(&event)) end.endpoint.set_frame_limit(opened->link, limits::group_frame);
    if (const auto* frame = std::get_if<quic::LinkFrame>(&event)) received += frame->payload.size();
  });
  const std::vector<std::uint8_t> payload(large);
  std::optional<quic::LinkId> link;
  Mono begin{};
  End client([&](End&, const quic::LinkEvent& event) {
    if (const auto* opened = std::get_if<quic::LinkOpened>(&event)) {
      link = opened->link;
      begin = runtime::read_clock().mono;
    }
  });
  const Background background(server);
  static_cast<void>(client.endpoint.dial(runtime::read_clock(), {server.id(), {server.address()}, Alpn::groups}));
  while (!link) client.step();
  const Frame frame = client.pool.make(payload);
  while (received < bulk_bytes) {
    while (client.endpoint.send(*link, quic::SendClass::bulk, frame) == quic::SendResult::queued) {}
    client.step();
  }
  const double took = seconds_since(begin);
  return static_cast<double>(received) / took / (1U << 20U);
}

double handshakes_per_s() {
  End server([](End&, const quic::LinkEvent&) {});
  int opened = 0;
  End client([&](End& end, const quic::LinkEvent& event) {
    if (const auto* one = std::get_if<quic::LinkOpened>(&event)) {
      ++opened;
      end.endpoint.close(runtime::read_clock(), one->link, CloseCode::success, quic::CloseMode::at_once);
    }
  });
  const Background background(server);
  const Mono begin = runtime::read_clock().mono;
  int dialed = 0;
  while (opened < handshakes) {
    for (; dialed < handshakes && dialed < opened + 16; ++dialed)
      static_cast<void>(client.endpoint.dial(runtime::read_clock(), {server.id(), {server.address()}, Alpn::groups}));
    client.step();
  }
  return handshakes / seconds_since(begin);
}

}  // namespace

int main() {
  Figures raw, link, added, bulk, hands;
  for (int i = 0; i < repetitions; ++i) {
    raw.values.push_back(raw_round_trip_us());
    link.values.push_back(link_round_trip_us());
    added.values.push_back(link.values.back() - raw.values.back());
    bulk.values.push_back(bulk_mib_per_s());
    hands.values.push_back(handshakes_per_s());
  }
  std::printf("%-44s %10s %10s %10s\n", "one link on loopback", "min", "median", "max");
  raw.print("64-byte round trip, raw UDP", "us");
  link.print("64-byte round trip, link", "us");
  added.print("added by the link (goal: at most 10)", "us");
  bulk.print("bulk throughput (goal: 700)", "MiB/s");
  hands.print("handshakes, mutual, both ends here", "/s");
}
