// What a link costs over a bare UDP socket of the same kind, in one run, side by side: round trips of 64 bytes, bulk
// throughput, handshakes. Both ends on loopback, each on a thread of its own that sleeps in poll().
//
//   link                            all figures
//   link --quick FIGURE             one of round-trip, bulk and handshakes, in half a second
//   link --count FIGURE [TIMES]     its work on one thread, in made-up time, so that its instructions can be counted

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "bench/end.hpp"

namespace {

using namespace mosaik;
using namespace mosaik::bench;

constexpr std::size_t small = 64;
constexpr std::size_t large = 60U << 10U;
constexpr int repetitions = 5;
constexpr int turns = 20;
constexpr int trips_a_turn = 200;
constexpr std::size_t bulk_bytes = 512U << 20U;
constexpr int handshakes = 200;

struct Figures {
  std::vector<double> values;
  void print(const char* what, const char* unit) {
    std::ranges::sort(values);
    std::printf("%-44s %10.1f %10.1f %10.1f  %s\n", what, values.front(), values[values.size() / 2], values.back(),
                unit);
  }
};

double seconds_since(Mono begin) {
  return std::chrono::duration<double>(runtime::read_clock().mono - begin).count();
}

double median(std::vector<double>& values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

/// Two bare sockets: one asks, the other, on a thread of its own, sends back what it got.
class RawPair {
 public:
  ~RawPair() {
    stop_ = true;
    echo_.join();
  }
  double round_trip_us() {
    const Mono begin = runtime::read_mono();
    static_cast<void>(one_.send({one_.local(), two_.local()}, payload_, payload_.size()));
    for (bool back = false; !back;) {
      wait_readable(one_, 20ms);
      one_.receive(1, [&](const udp::Received&) { back = true; });
    }
    return seconds_since(begin) * 1e6;
  }

 private:
  udp::Socket one_ = open_socket();
  udp::Socket two_ = open_socket();
  std::vector<std::uint8_t> payload_ = std::vector<std::uint8_t>(small);
  std::atomic<bool> stop_ = false;
  std::thread echo_{[this] {
    while (!stop_) {
      wait_readable(two_, 20ms);
      two_.receive(1,
                   [&](const udp::Received& in) { static_cast<void>(two_.send(in.path, in.bytes, in.bytes.size())); });
    }
  }};
};

/// The same over a link.
class LinkPair {
 public:
  LinkPair() {
    static_cast<void>(client_.endpoint.dial(runtime::read_clock(), {server_.id(), {server_.address()}, Alpn::groups}));
    while (!link_) client_.step();
  }
  double round_trip_us() {
    const Mono begin = runtime::read_mono();
    back_ = false;
    static_cast<void>(client_.endpoint.send(*link_, SendClass::consensus, client_.pool.make(payload_)));
    while (!back_) client_.step();
    return seconds_since(begin) * 1e6;
  }

 private:
  std::vector<std::uint8_t> payload_ = std::vector<std::uint8_t>(small);
  std::optional<LinkId> link_;
  bool back_ = false;
  End server_{echo_frames};
  End client_{[this](End&, const LinkEvent& event) {
    if (const auto* opened = std::get_if<LinkOpened>(&event)) link_ = opened->link;
    if (std::holds_alternative<LinkFrame>(event)) back_ = true;
  }};
  Background background_{server_};
};

/// Medians of single round trips, in turns, so that whatever else the machine does hits both alike.
std::pair<double, double> round_trips_us() {
  RawPair raw;
  LinkPair link;
  std::vector<double> bare, linked;
  for (int turn = 0; turn < turns; ++turn) {
    for (int i = 0; i < trips_a_turn; ++i) bare.push_back(raw.round_trip_us());
    for (int i = 0; i < trips_a_turn; ++i) linked.push_back(link.round_trip_us());
  }
  return {median(bare), median(linked)};
}

double bulk_mib_per_s(std::size_t datagram, std::size_t bytes) {
  std::atomic<std::size_t> received = 0;
  End server(
      [&](End& end, const LinkEvent& event) {
        if (const auto* opened = std::get_if<LinkOpened>(&event))
          end.endpoint.set_frame_limit(opened->link, limits::group_frame);
        if (const auto* frame = std::get_if<LinkFrame>(&event)) received += frame->payload.size();
      },
      datagram);
  const std::vector<std::uint8_t> payload(large);
  std::optional<LinkId> link;
  Mono begin{};
  End client(
      [&](End&, const LinkEvent& event) {
        if (const auto* opened = std::get_if<LinkOpened>(&event)) {
          link = opened->link;
          begin = runtime::read_clock().mono;
        }
      },
      datagram);
  const Background background(server);
  static_cast<void>(client.endpoint.dial(runtime::read_clock(), {server.id(), {server.address()}, Alpn::groups}));
  while (!link) client.step();
  const Frame frame = client.pool.make(payload);
  while (received < bytes) {
    while (client.endpoint.send(*link, SendClass::bulk, frame) == SendResult::queued) {
    }
    client.step();
  }
  const double took = seconds_since(begin);
  return static_cast<double>(received) / took / (1U << 20U);
}

double handshakes_per_s(int count) {
  End server([](End&, const LinkEvent&) {});
  int opened = 0;
  End client([&](End& end, const LinkEvent& event) {
    if (const auto* one = std::get_if<LinkOpened>(&event)) {
      ++opened;
      end.endpoint.close(runtime::read_clock(), one->link, CloseCode::success, CloseMode::at_once);
    }
  });
  const Background background(server);
  const Mono begin = runtime::read_clock().mono;
  int dialed = 0;
  while (opened < count) {
    for (; dialed < count && dialed < opened + 16; ++dialed)
      static_cast<void>(client.endpoint.dial(runtime::read_clock(), {server.id(), {server.address()}, Alpn::groups}));
    client.step();
  }
  return count / seconds_since(begin);
}

// ------------------------------------------------------------------------------------------------ short forms

double quick_round_trip_us() {
  constexpr int warm_up = 200;
  constexpr double seconds = 0.4;
  LinkPair link;
  for (int i = 0; i < warm_up; ++i) static_cast<void>(link.round_trip_us());
  std::vector<double> trips;
  const Mono begin = runtime::read_mono();
  while (seconds_since(begin) < seconds) trips.push_back(link.round_trip_us());
  return median(trips);
}

int quick(const std::string& figure) {
  if (figure == "round-trip") return std::printf("%s %.4f us\n", figure.c_str(), quick_round_trip_us()), 0;
  if (figure == "bulk")
    return std::printf("%s %.2f MiB/s\n", figure.c_str(), bulk_mib_per_s(limits::loopback_datagram, 160U << 20U)), 0;
  if (figure == "handshakes") return std::printf("%s %.2f /s\n", figure.c_str(), handshakes_per_s(300)), 0;
  return 64;
}

/// Two ends that one thread steps in turn.
class Pair {
 public:
  Pair() {
    dial();
    while (opened_ == 0) step();
  }
  void dial() { static_cast<void>(client_.endpoint.dial(now_, {server_.id(), {server_.address()}, Alpn::groups})); }
  void step() {
    now_.mono += 20us;
    client_.step_at(now_);
    server_.step_at(now_);
  }
  void round_trip() {
    const std::size_t before = frames_;
    static_cast<void>(client_.endpoint.send(*link_, SendClass::consensus, client_.pool.make(payload_)));
    while (frames_ == before) step();
  }
  void bulk(std::size_t bytes) {
    echoes_ = false;
    const Frame frame = client_.pool.make(std::vector<std::uint8_t>(large));
    for (const std::size_t end = received_ + bytes; received_ < end; step())
      while (client_.endpoint.send(*link_, SendClass::bulk, frame) == SendResult::queued) {
      }
  }
  void handshake() {
    const int before = opened_;
    dial();
    while (opened_ == before) step();
    client_.endpoint.close(now_, *link_, CloseCode::success, CloseMode::at_once);
  }

 private:
  static EndSeeds seeds(std::uint8_t of) { return {.key = Bytes32{of}, .random = Bytes32{of, 1}}; }

  Now now_{.mono = Mono(1s), .boot = Boot(1s), .wall = Wall{1}};
  std::vector<std::uint8_t> payload_ = std::vector<std::uint8_t>(small);
  std::optional<LinkId> link_;
  int opened_ = 0;
  std::size_t frames_ = 0;
  std::size_t received_ = 0;
  bool echoes_ = true;
  End server_{[this](End& end, const LinkEvent& event) {
                if (const auto* opened = std::get_if<LinkOpened>(&event))
                  end.endpoint.set_frame_limit(opened->link, limits::group_frame);
                if (const auto* frame = std::get_if<LinkFrame>(&event)) received_ += frame->payload.size();
                if (echoes_) echo_frames(end, event);
              },
              limits::loopback_datagram, seeds(1)};
  End client_{[this](End&, const LinkEvent& event) {
                if (const auto* opened = std::get_if<LinkOpened>(&event)) {
                  link_ = opened->link;
                  ++opened_;
                }
                if (std::holds_alternative<LinkFrame>(event)) ++frames_;
              },
              limits::loopback_datagram, seeds(2)};
};

int count_work(const std::string& figure, int times) {
  Pair pair;
  if (figure == "round-trip")
    for (int i = 0; i < 1000 * times; ++i) pair.round_trip();
  else if (figure == "bulk")
    pair.bulk((8U << 20U) * static_cast<std::size_t>(times));
  else if (figure == "handshakes")
    for (int i = 0; i < 10 * times; ++i) pair.handshake();
  else
    return 64;
  return 0;
}

int report() {
  Figures raw, link, added, bulk, ethernet, hands;
  for (int i = 0; i < repetitions; ++i) {
    const auto [bare, linked] = round_trips_us();
    raw.values.push_back(bare);
    link.values.push_back(linked);
    added.values.push_back(linked - bare);
    bulk.values.push_back(bulk_mib_per_s(limits::loopback_datagram, bulk_bytes));
    ethernet.values.push_back(bulk_mib_per_s(0, bulk_bytes));
    hands.values.push_back(handshakes_per_s(handshakes));
  }
  std::printf("%-44s %10s %10s %10s\n", "one link on loopback", "min", "median", "max");
  raw.print("64-byte round trip, raw UDP", "us");
  link.print("64-byte round trip, link", "us");
  added.print("added by the link (goal: at most 10)", "us");
  bulk.print("bulk throughput (goal: 700)", "MiB/s");
  ethernet.print("the same with datagrams fit for Ethernet", "MiB/s");
  hands.print("handshakes, mutual, both ends here", "/s");
  return 0;
}

}  // namespace

int main(int arguments, char** words) {
  const std::string what = arguments > 1 ? words[1] : "";
  const std::string figure = arguments > 2 ? words[2] : "";
  int status = 64;
  if (what.empty()) status = report();
  if (what == "--quick") status = quick(figure);
  if (what == "--count") status = count_work(figure, arguments > 3 ? std::atoi(words[3]) : 1);
  if (status == 64) std::fprintf(stderr, "usage: link [--quick | --count] [round-trip | bulk | handshakes] [TIMES]\n");
  return status;
}
