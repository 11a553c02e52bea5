#pragma once
// Shared by the tests of discovery: signed entries of made-up peers, a recorder in place of the links, and one
// Discovery in front of it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "discovery/discovery.hpp"
#include "wire/messages.hpp"

namespace mosaik::discovery::test {

inline const NetworkId network = id_of<NetworkId>("test-network");
inline constexpr std::int64_t wall_start = 1'776'500'000'000;

inline crypto::SecretKey key_of(std::uint32_t n) {
  Bytes32 seed{};
  for (std::size_t i = 0; i < 4; ++i) seed[i] = static_cast<std::uint8_t>(n >> (8 * i));
  seed[31] = 0x5a;
  return crypto::SecretKey::from_seed(seed);
}
inline PeerId id_of_peer(std::uint32_t n) {
  return key_of(n).id();
}

inline SocketAddress address_of(std::uint32_t n) {
  return SocketAddress::v4({192, 0, static_cast<std::uint8_t>(n >> 8U), static_cast<std::uint8_t>(n)}, 4433);
}

inline constexpr Mono mono_start{1000s};
inline constexpr Boot boot_start{5000s};

/// The clocks of a machine that ran `elapsed` since the start of the test.
inline Now at(Nanoseconds elapsed, Nanoseconds wall_off = 0ns) {
  const auto wall = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed + wall_off).count();
  return {.mono = mono_start + elapsed, .boot = boot_start + elapsed, .wall = {wall_start + wall}};
}

struct EntryOptions {
  NetworkId of = network;
  std::int64_t started = wall_start - 1000;
  std::int64_t updated = wall_start;
  std::string protocol = "0.4.2";
  std::vector<GroupId> groups = {};
  std::vector<Tag> tags = {};
  bool dialable = true;
};

inline identity::EntryRef entry_of(std::uint32_t n, const EntryOptions& options = {}) {
  const crypto::SecretKey key = key_of(n);
  PeerEntry entry;
  entry.protocol = options.protocol;
  entry.network = options.of;
  entry.version = {options.started, options.updated};
  entry.id = key.id();
  if (options.dialable) entry.addresses.emplace_back(address_of(n));
  entry.groups = options.groups;
  entry.tags = options.tags;
  return identity::sign(entry, key);
}

inline std::vector<std::uint8_t> snapshot_of(const std::vector<identity::EntryRef>& entries) {
  std::vector<BytesView> views;
  for (const auto& entry : entries) views.emplace_back(entry->bytes);
  std::vector<std::uint8_t> out;
  wire::encode_snapshot(views, out);
  return out;
}

/// The ids in a snapshot, in its order.
inline std::vector<PeerId> ids_in(BytesView payload) {
  std::vector<PeerId> out;
  const auto views = wire::decode_snapshot(payload);
  if (!views) return out;
  for (const auto& view : *views) out.push_back(wire::decode_entry(view.entry).value().id);
  return out;
}

/// Records every action; answers as links do that never fail, unless told otherwise.
class Recorder final : public Links {
 public:
  struct Sent {
    LinkId link;
    SendClass kind{};
    std::vector<std::uint8_t> wire;
    [[nodiscard]] BytesView payload() const { return BytesView(wire).subspan(Frame::header_size); }
  };
  struct Closed {
    LinkId link;
    CloseCode code{};
    CloseMode mode{};
  };
  struct Dialed {
    LinkId link;
    DialRequest request;
  };

  Result<LinkId> dial(const Now&, const DialRequest& request) override {
    if (dial_error) return std::unexpected(*dial_error);
    const LinkId link{++last};
    dials.push_back({link, request});
    return link;
  }
  SendResult send(LinkId link, SendClass kind, const Frame& frame) override {
    const BytesView wire = frame.wire();
    sent.push_back({link, kind, {wire.begin(), wire.end()}});
    return send_result;
  }
  void close(const Now&, LinkId link, CloseCode code, CloseMode mode) override { closed.push_back({link, code, mode}); }
  void set_frame_limit(LinkId link, std::size_t bytes) override { limits[link] = bytes; }
  Result<Bytes32> exporter(LinkId, BytesView) const override { return fail(Errc::not_found, "no TLS here"); }
  std::optional<LinkStats> stats(LinkId link) const override {
    LinkStats out;
    out.smoothed_rtt = 7ms;
    if (const auto found = received.find(link); found != received.end()) out.bytes_received = found->second;
    return out;
  }

  std::map<LinkId, std::uint64_t> received;
  std::uint64_t last = 0;
  std::optional<Error> dial_error;
  SendResult send_result = SendResult::queued;
  std::vector<Dialed> dials;
  std::vector<Sent> sent;
  std::vector<Closed> closed;
  std::map<LinkId, std::size_t> limits;
};

template <class T>
std::vector<T> only(const std::vector<DiscoveryEvent>& events) {
  std::vector<T> out;
  for (const DiscoveryEvent& fact : events)
    if (const T* match = std::get_if<T>(&fact)) out.push_back(*match);
  return out;
}

inline std::vector<Notice> notices(const std::vector<DiscoveryEvent>& events, Notice::Kind kind) {
  std::vector<Notice> out;
  for (Notice& notice : only<Notice>(events))
    if (notice.kind == kind) out.push_back(notice);
  return out;
}

/// One Discovery (peer 0), its links recorded, time moved by hand.
class Rig {
 public:
  explicit Rig(Config config = {}, std::uint64_t seed = 1)
      : self(key_of(0), network, at(0s).wall),
        verifier(4096),
        core(with_network(config), self, verifier, pool, Rng(seed)) {
    self.set_addresses({address_of(0)}, at(0s).wall);
  }

  static Config with_network(Config config) {
    config.network = network;
    return config;
  }

  [[nodiscard]] Now now() const { return at(elapsed, wall_off); }
  void start() { core.start(now(), links, events); }
  void on(const LinkEvent& event) {
    core.on_link(now(), event, links, events);
    core.check_invariants();
  }

  /// A peer opens a link to us.
  LinkId incoming(std::uint32_t n, Alpn alpn) { return incoming(n, alpn, address_of(n)); }
  LinkId incoming(std::uint32_t n, Alpn alpn, const SocketAddress& from) {
    const LinkId link{1'000'000 + ++incoming_};
    on(LinkOpened{link, id_of_peer(n), alpn, Side::acceptor, from});
    return link;
  }
  /// The last dial is answered by whom it was meant for.
  LinkId opened() { return opened(links.dials.back()); }
  LinkId opened(const Recorder::Dialed& dial) {
    const auto request = dial.request;
    const LinkId link = dial.link;
    on(LinkOpened{link, request.peer, request.alpn, Side::initiator, request.addresses.front()});
    return link;
  }
  void frame(LinkId link, const std::vector<std::uint8_t>& payload) { on(LinkFrame{link, payload}); }
  void closed_by_peer(LinkId link, CloseCode code) {
    on(LinkClosed{link, {ClosedBy::peer, true, static_cast<std::uint64_t>(code), ""}});
  }
  void never_opened(LinkId link) { on(LinkClosed{link, {ClosedBy::handshake, false, 0, ""}}); }
  /// A whole sync with peer `n`, dialed by it.
  void sync_from(std::uint32_t n, const std::vector<identity::EntryRef>& entries) {
    const LinkId link = incoming(n, Alpn::sync);
    frame(link, snapshot_of(entries));
    closed_by_peer(link, CloseCode::success);
  }
  /// Moves time on, through every deadline on the way.
  void pass(Nanoseconds by) {
    const Nanoseconds end = elapsed + by;
    for (int steps = 0;; ++steps) {
      ASSERT_LT(steps, 1'000'000) << "a deadline that never ends";
      const Mono next = core.next_deadline();
      if (next > mono_start + end) break;
      elapsed = std::max(elapsed, next - mono_start);
      core.on_timer(now(), links, events);
      core.check_invariants();
    }
    elapsed = end;
  }
  [[nodiscard]] bool knows(std::uint32_t n) const { return static_cast<bool>(core.find(id_of_peer(n), now())); }
  std::vector<DiscoveryEvent> take() { return std::exchange(events, {}); }

  identity::Self self;
  identity::Verifier verifier;
  FramePool pool;
  Recorder links;
  std::vector<DiscoveryEvent> events;
  Nanoseconds elapsed{};
  Nanoseconds wall_off{};
  Discovery core;

 private:
  std::uint64_t incoming_ = 0;
};

}  // namespace mosaik::discovery::test
