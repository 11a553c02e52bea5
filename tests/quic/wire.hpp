#pragma once
/// A simulated network for real endpoints: datagrams travel with delay, loss, duplication and reordering from a seed,
/// and time jumps from one event to the next.

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "crypto/ed25519.hpp"
#include "transport/quic/endpoint/endpoint.hpp"

namespace mosaik::quic::test {

/// What one link reported.
struct LinkLog {
  std::optional<LinkOpened> opened;
  std::vector<std::vector<std::uint8_t>> frames;
  std::vector<FrameHead> growing;
  std::optional<LinkEnded> ended;
  std::optional<CloseInfo> closed;
  std::size_t active = 0, unreachable = 0, lossy = 0, oversized = 0;
  std::size_t after_close = 0;  ///< events behind LinkClosed: must stay 0
};

/// One endpoint with its addresses, its event log and its frames.
class Host {
 public:
  Host(std::uint8_t name, EndpointConfig config)
      : key(crypto::SecretKey::from_seed(seed_of(name, 1))), name_(name), config_(config) {
    restart();
  }

  /// A new process: the same key, no state.
  void restart() {
    endpoint.reset();
    config_.random_seed = seed_of(name_, static_cast<std::uint8_t>(100 + ++lives_));
    endpoint = std::make_unique<Endpoint>(key, config_);
    links.clear();
  }
  [[nodiscard]] PeerId id() const { return key.id(); }
  [[nodiscard]] Frame frame(std::size_t size, std::uint8_t fill = 0x5a) {
    return pool.make(std::vector<std::uint8_t>(size, fill));
  }
  /// The newest link that was opened, by that side.
  [[nodiscard]] std::optional<LinkId> opened(Side side) const {
    std::optional<LinkId> out;
    for (const auto& [link, log] : links) {
      if (log.opened && log.opened->side == side) out = link;
    }
    return out;
  }
  [[nodiscard]] std::size_t open_links() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(links, [](const auto& item) { return item.second.opened && !item.second.closed; }));
  }

  void pull() {
    while (std::optional<LinkEvent> event = endpoint->next_event())
      std::visit([&](auto& value) { note(value); }, *event);
  }

  static Bytes32 seed_of(std::uint8_t a, std::uint8_t b) {
    Bytes32 out{};
    out[0] = a;
    out[1] = b;
    return out;
  }

  FramePool pool;  // outlives the endpoint, which holds frames
  crypto::SecretKey key;
  std::unique_ptr<Endpoint> endpoint;
  std::vector<SocketAddress> addresses;
  std::map<LinkId, LinkLog> links;
  std::function<void(const LinkEvent&)> on_event;  ///< what the owner does at once
  bool keep_frames = true;
  std::uint64_t frame_bytes = 0;

 private:
  template <class Event>
  void note(Event& event) {
    LinkLog& log = links[event.link];
    if (log.closed) ++log.after_close;
    record(log, event);
    if (on_event) on_event(LinkEvent(event));
  }
  void record(LinkLog& log, const LinkOpened& event) { log.opened = event; }
  void record(LinkLog& log, const LinkFrame& event) {
    frame_bytes += event.payload.size();
    if (keep_frames) log.frames.emplace_back(event.payload.begin(), event.payload.end());
  }
  void record(LinkLog& log, const LinkEnded& event) { log.ended = event; }
  void record(LinkLog& log, const LinkOversized&) { ++log.oversized; }
  void record(LinkLog& log, const LinkActive&) { ++log.active; }
  void record(LinkLog& log, const LinkGrowing& event) { log.growing.push_back(event.head); }
  void record(LinkLog& log, const LinkUnreachable&) { ++log.unreachable; }
  void record(LinkLog& log, const LinkLossy&) { ++log.lossy; }
  void record(LinkLog& log, const LinkClosed& event) { log.closed = event.close; }

  std::uint8_t name_;
  EndpointConfig config_;
  std::uint8_t lives_ = 0;
};

struct Conditions {
  Nanoseconds delay = 5ms;
  Nanoseconds jitter{};
  unsigned loss_percent = 0;
  unsigned duplicate_percent = 0;
};

struct Packet {
  SocketAddress from, to;
  std::vector<std::uint8_t> bytes;
};

class Wire {
 public:
  explicit Wire(std::uint64_t seed = 1) : random_(seed) {}

  /// The host's first address is 10.0.0.<name>:4433.
  Host& add(std::uint8_t name, EndpointConfig config = {}) {
    hosts_.push_back(std::make_unique<Host>(name, config));
    hosts_.back()->addresses.push_back(address(name));
    return *hosts_.back();
  }
  static SocketAddress address(std::uint8_t host, std::uint16_t port = 4433) {
    return SocketAddress::v4({10, 0, 0, host}, port);
  }
  [[nodiscard]] Now now() const { return {.mono = time_, .boot = Boot(time_.time_since_epoch()), .wall = {}}; }

  /// Starts a dial and checks that it was taken.
  LinkId dial(Host& from, const Host& to, Alpn alpn = Alpn::groups) { return dial(from, to.id(), to.addresses, alpn); }
  LinkId dial(Host& from, const PeerId& peer, std::vector<SocketAddress> addresses, Alpn alpn = Alpn::groups) {
    return from.endpoint->dial(now(), {.peer = peer, .addresses = std::move(addresses), .alpn = alpn}).value();
  }
  /// A datagram from nowhere.
  void inject(const SocketAddress& from, const SocketAddress& to, std::vector<std::uint8_t> datagram) {
    arrive(time_, {from, to, std::move(datagram)});
  }
  /// The same over the wire, with its loss and delay.
  void send(const SocketAddress& from, const SocketAddress& to, std::vector<std::uint8_t> datagram) {
    depart({from, to, std::move(datagram)});
  }

  /// Runs until `done` says so; false when `most` went by before.
  bool run_until(const std::function<bool()>& done, Nanoseconds most = 60s) {
    const Mono end = time_ + most;
    for (;;) {
      flush();
      if (done()) return true;
      if (!step(end)) return false;
    }
  }
  void run_for(Nanoseconds span) {
    static_cast<void>(run_until([] { return false; }, span));
  }
  /// Opens one link from `a` to `b`; the ids at both ends.
  std::optional<std::pair<LinkId, LinkId>> connect(Host& a, Host& b, Alpn alpn = Alpn::groups) {
    const std::optional<LinkId> before = b.opened(Side::acceptor);
    const LinkId link = dial(a, b, alpn);
    const bool both = run_until([&] { return a.links[link].opened && b.opened(Side::acceptor) != before; });
    if (!both) return std::nullopt;
    return std::pair(link, *b.opened(Side::acceptor));
  }

  Conditions conditions;
  std::set<SocketAddress> refusing;                                       ///< answer with port unreachable
  std::function<bool(const Packet&)> passes;                              ///< false: this packet is lost
  std::function<void(Host&, const Packet&)> on_deliver;                   ///< sees every datagram that arrives
  std::map<SocketAddress, std::function<void(const Packet&)>> strangers;  ///< addresses without an endpoint
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;

 private:
  [[nodiscard]] Host* host_at(const SocketAddress& at) {
    for (const auto& host : hosts_) {
      if (std::ranges::find(host->addresses, at) != host->addresses.end()) return host.get();
    }
    return nullptr;
  }

  void flush() {
    for (const auto& host : hosts_) {
      host->pull();
      while (host->endpoint->advance(now())) host->pull();
      host->pull();
      while (transmit(*host)) {
      }
      host->pull();
    }
  }

  bool transmit(Host& host) {
    batch_.clear();
    const bool more = host.endpoint->transmit(now(), batch_);
    for (const DatagramBatch::Item& item : batch_.items()) {
      if (host.addresses.empty()) break;  // it has no network
      BytesView rest = batch_.bytes(item);
      while (!rest.empty()) {
        const BytesView one = rest.first(std::min(rest.size(), item.segment));
        rest = rest.subspan(one.size());
        const bool own = std::ranges::find(host.addresses, item.path.local) != host.addresses.end();
        const SocketAddress from = own ? item.path.local : host.addresses.front();
        depart({from, item.path.remote, {one.begin(), one.end()}});
      }
    }
    return more;
  }

  void depart(Packet packet) {
    ++packets;
    bytes += packet.bytes.size();
    if (passes && !passes(packet)) return;
    const bool twice = random_.below(100) < conditions.duplicate_percent;
    if (random_.below(100) < conditions.loss_percent) return;
    if (twice) arrive(time_ + conditions.delay + random_.between({}, conditions.jitter), packet);
    arrive(time_ + conditions.delay + random_.between({}, conditions.jitter), std::move(packet));
  }
  void arrive(Mono at, Packet packet) { flying_.emplace(std::pair(at, ++order_), std::move(packet)); }

  bool step(Mono end) {
    Mono next = flying_.empty() ? never : flying_.begin()->first.first;
    for (const auto& host : hosts_) next = std::min(next, host->endpoint->next_deadline());
    if (next > end) {
      time_ = std::max(time_, end);
      return false;
    }
    time_ = std::max(time_, next);
    while (!flying_.empty() && flying_.begin()->first.first <= time_) {
      const Packet packet = std::move(flying_.begin()->second);
      flying_.erase(flying_.begin());
      deliver(packet);
    }
    for (const auto& host : hosts_) {
      if (host->endpoint->next_deadline() <= time_) host->endpoint->on_timer(now());
      host->endpoint->check_invariants();
    }
    return true;
  }

  void deliver(const Packet& packet) {
    if (Host* const host = host_at(packet.to)) {
      if (on_deliver) on_deliver(*host, packet);
      host->endpoint->on_datagram(now(), {packet.to, packet.from}, packet.bytes);
    } else if (const auto stranger = strangers.find(packet.to); stranger != strangers.end()) {
      stranger->second(packet);
    } else if (refusing.contains(packet.to)) {
      if (Host* const sender = host_at(packet.from))
        sender->endpoint->on_unreachable(now(), packet.to, packet.bytes, Refusal::port);
    }
  }

  Mono time_{1000s};
  Rng random_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::map<std::pair<Mono, std::uint64_t>, Packet> flying_;
  std::uint64_t order_ = 0;
  DatagramBatch batch_{64U << 10U};
};

}  // namespace mosaik::quic::test
