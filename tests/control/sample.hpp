#pragma once
/// A node to tell about, and a Source that tells about it.

#include <condition_variable>
#include <mutex>
#include <optional>
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
  node.crashes = {.count = 2, .last_signal = "SIGSEGV"};
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
  group.unattested.resize(1);
  group.unattested[0].id = id_with(9);
  group.unattested_count = 1000;
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
  Subscription trace(TraceFilter filter, std::function<void(const TraceRecord&)> call) override {
    const std::scoped_lock lock(mutex_);
    filter_ = std::move(filter);
    trace_ = std::move(call);
    return Subscription(std::shared_ptr<void>(this, [](void* self) { static_cast<FakeSource*>(self)->end_trace(); }));
  }
  [[nodiscard]] TraceFilter filter() {
    const std::scoped_lock lock(mutex_);
    return filter_;
  }
  void decide(const TraceRecord& record) {
    const std::scoped_lock lock(mutex_);
    if (trace_) trace_(record);
  }
  /// True when nobody reads decisions any more.
  [[nodiscard]] bool wait_for_end_of_trace() {
    std::unique_lock lock(mutex_);
    return called_.wait_for(lock, std::chrono::seconds(30), [&] { return !trace_; });
  }
  void leave() override {
    const std::scoped_lock lock(mutex_);
    ++leaves_;
    left_.notify_all();
  }

  void warn(const std::string& text) override {
    const std::scoped_lock lock(mutex_);
    warning_ = text;
  }
  [[nodiscard]] std::string warning() {
    const std::scoped_lock lock(mutex_);
    return warning_;
  }

  /// Calls wait until the test ends them.
  std::shared_ptr<void> call(control::Call call, control::CallDone done) override {
    const std::scoped_lock lock(mutex_);
    calls_.push_back({std::move(call), std::move(done)});
    called_.notify_all();
    return std::shared_ptr<void>(this, [](void* self) { static_cast<FakeSource*>(self)->let_go(); });
  }
  struct Asked {
    control::Call call;
    control::CallDone done;
  };
  [[nodiscard]] std::optional<Asked> next_call() {
    std::unique_lock lock(mutex_);
    if (!called_.wait_for(lock, std::chrono::seconds(30), [this] { return !calls_.empty(); })) return std::nullopt;
    Asked out = std::move(calls_.front());
    calls_.erase(calls_.begin());
    return out;
  }
  /// True when nobody waits for any of `count` calls any more.
  [[nodiscard]] bool wait_for_let_go(int count) {
    std::unique_lock lock(mutex_);
    return called_.wait_for(lock, std::chrono::seconds(30), [&] { return let_go_ == count; });
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
  void let_go() {
    const std::scoped_lock lock(mutex_);
    ++let_go_;
    called_.notify_all();
  }
  void end_trace() {
    const std::scoped_lock lock(mutex_);
    trace_ = nullptr;
    called_.notify_all();
  }
  void forget() {
    const std::scoped_lock lock(mutex_);
    call_ = nullptr;
  }

  std::shared_ptr<const NodeStatus> node_;
  std::mutex mutex_;
  std::condition_variable left_;
  std::function<void(const Event&)> call_;
  std::function<void(const TraceRecord&)> trace_;
  TraceFilter filter_;
  std::string warning_;
  int leaves_ = 0;
  std::condition_variable called_;
  std::vector<Asked> calls_;
  int let_go_ = 0;
};

/// The sample with a machine that has a leader in reach: node 2.
inline NodeStatus sample_with_machine() {
  NodeStatus node = sample_node();
  node.groups[0].machine = "counter";
  ConsensusStatus& consensus = node.groups[0].consensus.emplace();
  consensus.term = Term{5};
  consensus.leader = id_with(2);
  consensus.online = true;
  consensus.committed = Index{17};
  consensus.applied = Index{16};
  consensus.log_position = {Term{5}, Index{18}};
  consensus.group_size = 4;
  consensus.quorum_floor = 2;
  return node;
}

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
