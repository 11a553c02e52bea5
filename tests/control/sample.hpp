#pragma once
/// A node to tell about, and a Source that tells about it.

#include <mutex>
#include <string>
#include <vector>

#include "control/server.hpp"

namespace mosaik::test {

template <class T = PeerId>
T id_with(std::uint8_t byte) {
  Bytes32 bytes{};
  bytes.fill(byte);
  return T(bytes);
}

inline Bond own_bond(std::uint8_t self, std::uint8_t peer) {
  auto entry = std::make_shared<PeerEntry>();
  entry->id = id_with(peer);
  Bond::Own own{Peer(entry),
                id_with<SessionId>(static_cast<std::uint8_t>(peer + 100)),
                std::chrono::microseconds(1500),
                std::chrono::milliseconds(90000),
                true,
                SocketAddress::v4({127, 0, 0, 1}, 4001),
                false};
  return {id_with<BondId>(static_cast<std::uint8_t>(peer + 50)), id_with(std::min(self, peer)),
          id_with(std::max(self, peer)), BondState::own, own};
}

/// Node 1 in a group with 2 (bonded), 3 (missing) and 4 (departed); 2 and 3 are bonded one-sidedly.
inline NodeStatus sample_node() {
  NodeStatus node;
  node.name = "sample";
  node.id = id_with(1);
  node.network = id_with<NetworkId>(9);
  node.network_name = "net \"quoted\"";
  node.listening = {SocketAddress::v4({127, 0, 0, 1}, 4000)};
  node.advertised = {SocketAddress::v4({192, 0, 2, 7}, 4000)};
  node.uptime = std::chrono::milliseconds(12345);
  node.known_peers = 3;
  node.connections = 2;
  node.handshakes = 7;
  node.handshakes_failed = 1;
  node.syncs = 4;
  node.verifications = 5;
  node.dropped = 6;
  node.notices = {"the clock is off by 51 s"};
  GroupStatus& group = node.groups.emplace_back();
  group.id = id_with<GroupId>(7);
  group.health = Health::degraded;
  group.reasons = {"member 0303030303 is not bonded"};
  group.members.resize(4);
  for (std::uint8_t i = 0; i < 4; ++i) group.members[i].id = id_with(static_cast<std::uint8_t>(i + 1));
  group.members[0].state = MemberState::self;
  group.members[1].state = MemberState::bonded;
  group.members[1].protocol = "0.4.2+cpp.1";
  group.members[1].addresses = {SocketAddress::v4({127, 0, 0, 1}, 4001)};
  group.members[1].rtt = std::chrono::microseconds(1500);
  group.members[1].silent_for = std::chrono::milliseconds(20);
  group.members[2].state = MemberState::missing;
  group.members[2].attempts = 3;
  group.members[2].why = "timed out";
  group.members[3].state = MemberState::departed;
  Bond one_sided{id_with<BondId>(80), id_with(2), id_with(3), BondState::one_sided, std::nullopt};
  group.bonds = Bonds(id_with(1), {own_bond(1, 2), one_sided}, {{id_with(1), id_with(3)}, {id_with(2), id_with(3)}});
  return node;
}

/// What a server reads from in tests; the test makes the events.
class FakeSource final : public control::Source {
 public:
  explicit FakeSource(NodeStatus node = sample_node()) : node_(std::make_shared<NodeStatus>(std::move(node))) {}

  std::shared_ptr<const NodeStatus> status() override { return node_; }
  Subscription subscribe(std::function<void(const Event&)> call) override {
    const std::scoped_lock lock(mutex_);
    call_ = std::move(call);
    return Subscription(std::shared_ptr<void>(this, [](void* self) { static_cast<FakeSource*>(self)->forget(); }));
  }
  void leave() override {
    const std::scoped_lock lock(mutex_);
    ++leaves_;
    left_.notify_all();
  }

  void emit(const Event& event) {
    const std::scoped_lock lock(mutex_);
    if (call_) call_(event);
  }
  [[nodiscard]] bool wait_for_leave() {
    std::unique_lock lock(mutex_);
    return left_.wait_for(lock, std::chrono::seconds(30), [this] { return leaves_ == 1; });
  }

 private:
  void forget() {
    const std::scoped_lock lock(mutex_);
    call_ = nullptr;
  }

  std::shared_ptr<const NodeStatus> node_;
  std::mutex mutex_;
  std::condition_variable left_;
  std::function<void(const Event&)> call_;
  int leaves_ = 0;
};

inline Event event_of(EventKind kind, std::uint64_t sequence = 1) {
  Event event;
  event.kind = kind;
  event.sequence = sequence;
  event.wall_ms = 1'700'000'000'000;
  event.mono_ns = 42;
  event.peer = id_with(2);
  event.group = id_with<GroupId>(7);
  event.bond = id_with<BondId>(52);
  event.session = id_with<SessionId>(102);
  return event;
}

}  // namespace mosaik::test
