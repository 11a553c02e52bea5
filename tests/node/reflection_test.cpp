// Strangers whose entries name the group and the addresses of others, against whole nodes.

#include <gmock/gmock.h>

#include "node/wire.hpp"
#include "transport/quic/quic.hpp"
#include "wire/messages.hpp"

namespace mosaik::test {
namespace {

const SocketAddress planter_address = SocketAddress::v4({10, 9, 9, 9}, 4433);
const SocketAddress victim = SocketAddress::v4({203, 0, 113, 7}, 0);

crypto::SecretKey invented_key(std::uint32_t n) {
  return crypto::SecretKey::from_seed(crypto::hash({bytes_of("invented " + std::to_string(n))}));
}

/// Knows the name of the network, and the group from an entry; syncs what it invents.
class Planter {
 public:
  explicit Planter(Wire& wire) : wire_(wire) {
    wire_.elsewhere = [this](std::size_t from, const SocketAddress& to, BytesView bytes) {
      if (to == planter_address) return receive(from, {bytes.begin(), bytes.end()});
      sent_[to.with_port(0)] += bytes.size();
      ++datagrams_[to];
    };
  }
  /// One sync with the node: `entries` are sent, with one of its own that names no address.
  void plant(std::size_t node, std::vector<identity::EntryRef> entries) {
    const crypto::SecretKey key = invented_key(1'000'000 + ++runs_);
    entries.push_back(entry(1'000'000 + runs_, {}, {}));
    std::ranges::sort(entries, {}, [](const identity::EntryRef& one) { return one->id(); });
    std::vector<BytesView> views;
    for (const auto& one : entries) views.emplace_back(one->bytes);
    payload_.clear();
    wire::encode_snapshot(views, payload_);
    endpoint_ = quic::make_endpoint(
        key, quic::EndpointConfig{.random_seed = crypto::hash({bytes_of("planter " + std::to_string(runs_))})});
    done_ = false;
    ASSERT_TRUE(
        endpoint_->dial(wire_.now(), {.peer = node_id(node), .addresses = {node_address(node)}, .alpn = Alpn::sync}));
    turn(node);
    ASSERT_TRUE(wire_.run_until([&] { return done_; }, 3s));
  }
  [[nodiscard]] identity::EntryRef entry(std::uint32_t n, std::vector<SocketAddress> at,
                                         const std::vector<GroupId>& groups) const {
    const crypto::SecretKey key = invented_key(n);
    PeerEntry out;
    out.protocol = identity::protocol;
    out.network = id_of<NetworkId>("test network");
    out.version = {wire_.now().wall.milliseconds, wire_.now().wall.milliseconds};
    out.id = key.id();
    for (const SocketAddress& address : at) out.addresses.emplace_back(address);
    out.groups = groups;
    return identity::sign(out, key);
  }
  /// Two syncs of so many entries together.
  void plant_all(std::size_t node, std::uint32_t count, const std::vector<SocketAddress>& at, const GroupId& group) {
    for (int half = 0; half < 2; ++half) {
      std::vector<identity::EntryRef> entries;
      for (std::uint32_t i = 0; i < count / 2; ++i) entries.push_back(entry(++invented_, at, {group}));
      plant(node, entries);
    }
  }
  [[nodiscard]] std::uint64_t bytes_to(const SocketAddress& host) const {
    const auto found = sent_.find(host.with_port(0));
    return found == sent_.end() ? 0 : found->second;
  }
  [[nodiscard]] std::uint64_t datagrams_to(const SocketAddress& address) const {
    const auto found = datagrams_.find(address);
    return found == datagrams_.end() ? 0 : found->second;
  }

 private:
  void receive(std::size_t from, std::vector<std::uint8_t> bytes) {
    wire_.at_time(wire_.delay, [this, from, bytes = std::move(bytes)] {
      endpoint_->on_datagram(wire_.now(), {planter_address, node_address(from)}, bytes);
      turn(from);
    });
  }
  void turn(std::size_t node) {
    while (const auto event = endpoint_->next_event()) {
      if (const auto* opened = std::get_if<LinkOpened>(&*event)) {
        endpoint_->set_frame_limit(opened->link, limits::sync_frame);
        static_cast<void>(endpoint_->send(opened->link, SendClass::catalog, pool_.make(payload_)));
      } else if (const auto* frame = std::get_if<LinkFrame>(&*event)) {
        endpoint_->close(wire_.now(), frame->link, CloseCode::success, CloseMode::at_once);
        done_ = true;
      } else if (std::holds_alternative<LinkClosed>(*event)) {
        done_ = true;
      }
    }
    for (bool more = true; more;) {
      DatagramBatch batch(1U << 16U);
      more = endpoint_->transmit(wire_.now(), batch);
      for (const DatagramBatch::Item& item : batch.items())
        for (std::size_t at = 0; at < item.size; at += item.segment) {
          const BytesView one = batch.bytes(item).subspan(at, std::min(item.segment, item.size - at));
          wire_.inject(node, planter_address, {one.begin(), one.end()});
        }
    }
    // Its timers: acknowledgements and probes.
    if (!done_ && !ticking_) {
      ticking_ = true;
      wire_.at_time(20ms, [this, node] {
        ticking_ = false;
        if (done_) return;
        if (endpoint_->next_deadline() <= wire_.now().mono) endpoint_->on_timer(wire_.now());
        turn(node);
      });
    }
  }

  Wire& wire_;
  FramePool pool_;
  std::unique_ptr<Transport> endpoint_;
  std::vector<std::uint8_t> payload_;
  std::uint32_t runs_ = 0;
  std::uint32_t invented_ = 0;
  bool done_ = true;
  bool ticking_ = false;
  std::map<SocketAddress, std::uint64_t> sent_;
  std::map<SocketAddress, std::uint64_t> datagrams_;
};

class InventedMembers : public testing::Test {
 protected:
  static std::vector<SocketAddress> victim_ports() {
    return {victim.with_port(1), victim.with_port(2), victim.with_port(3), victim.with_port(4)};
  }
  GroupId group() const { return wire_.group(0)->id; }
  /// A node that bootstraps from node 0 comes in.
  Nanoseconds join_one() {
    const std::size_t joiner = wire_.add({.network = "test network", .bootstrap = {0}, .other_bootstrap = {}});
    const Mono begun = wire_.now().mono;
    wire_.join(joiner);
    EXPECT_TRUE(wire_.run_until([&] { return wire_.full_mesh(); }, 5s));
    return wire_.now().mono - begun;
  }

  Wire wire_;
};

TEST_F(InventedMembers, cost_a_victim_twenty_kilobytes_a_minute_from_each_node) {
  wire_.mesh(3, 1s);
  Planter planter(wire_);
  planter.plant_all(0, 1000, victim_ports(), group());
  wire_.run_for(10s);
  EXPECT_LE(planter.bytes_to(victim), 3 * limits::hearsay_bytes);
  EXPECT_GT(planter.bytes_to(victim), 0U);
  std::uint64_t before = planter.bytes_to(victim);
  for (int minute = 0; minute < 3; ++minute) {
    wire_.run_for(60s);
    EXPECT_LE(planter.bytes_to(victim) - before, 3 * limits::hearsay_bytes) << "all three nodes together";
    before = planter.bytes_to(victim);
  }
}

TEST_F(InventedMembers, are_shown_apart_and_count_for_nothing) {
  wire_.mesh(3, 3s);
  Planter planter(wire_);
  const std::size_t offline = wire_.events(0, EventKind::offline).size();
  planter.plant_all(0, 1000, victim_ports(), group());
  wire_.run_for(5s);
  const GroupStatus& seen = *wire_.group(0);
  EXPECT_EQ(seen.members.size(), 3U);
  EXPECT_EQ(seen.unattested_count, 1000U);
  EXPECT_EQ(seen.unattested.size(), limits::unattested_shown);
  EXPECT_TRUE(seen.online);
  EXPECT_EQ(seen.health, Health::healthy);
  EXPECT_THAT(seen.reasons, testing::IsEmpty());
  EXPECT_EQ(wire_.events(0, EventKind::offline).size(), offline);
}

TEST_F(InventedMembers, keep_no_joiner_out_and_not_offline_for_long) {
  wire_.mesh(3, 1s);
  Planter planter(wire_);
  planter.plant_all(0, 1000, victim_ports(), group());
  wire_.run_for(5s);
  EXPECT_LE(join_one(), 1s);
  EXPECT_TRUE(wire_.run_until([&] { return wire_.group(3)->online; }, limits::first_company + 100ms));
}

TEST_F(InventedMembers, with_our_own_addresses_are_not_dialed) {
  wire_.mesh(3, 1s);
  Planter planter(wire_);
  const std::uint64_t turns = wire_.turns;
  wire_.run_for(15s);
  const std::uint64_t idle = wire_.turns - turns;
  planter.plant_all(0, 1000, {node_address(0), node_address(1), node_address(2)}, group());
  const std::uint64_t planted = wire_.turns;
  wire_.run_for(15s);
  EXPECT_LE(wire_.turns - planted, 2 * idle + 2000);
  EXPECT_TRUE(wire_.full_mesh());
}

TEST_F(InventedMembers, at_no_real_address_are_not_dialed_at_all) {
  wire_.mesh(2, 1s);
  Planter planter(wire_);
  const std::vector<SocketAddress> at = {SocketAddress::v4({127, 0, 0, 1}, 53),
                                         SocketAddress::v4({224, 0, 0, 251}, 5353),
                                         SocketAddress::v4({255, 255, 255, 255}, 9)};
  planter.plant_all(0, 20, at, group());
  wire_.run_for(30s);
  for (const SocketAddress& address : at) EXPECT_EQ(planter.datagrams_to(address), 0U) << address;
}

TEST_F(InventedMembers, are_sent_one_packet_and_no_close) {
  wire_.mesh(2, 1s);
  Planter planter(wire_);
  planter.plant(0, {planter.entry(1, {victim.with_port(1)}, {group()})});
  ASSERT_TRUE(wire_.run_until([&] { return planter.datagrams_to(victim.with_port(1)) > 0; }, 3s));
  wire_.run_for(1150ms);
  EXPECT_EQ(planter.datagrams_to(victim.with_port(1)), 1U);
  EXPECT_EQ(planter.bytes_to(victim), limits::first_packet);
}

// Nobody but a catalog outside of the group tells them of one another: all is hearsay at first.
TEST(NodesOfOneCatalog, find_one_another_within_the_budget) {
  for (const std::size_t count : {5U, 20U}) {
    Wire wire;
    wire.add();
    for (std::size_t i = 1; i <= count; ++i)
      wire.add({.network = "test network", .bootstrap = {0}, .other_bootstrap = {}});
    const Mono begun = wire.now().mono;
    for (std::size_t i = 1; i <= count; ++i) wire.join(i);
    const auto whole = [&] {
      for (std::size_t i = 1; i <= count; ++i)
        if (wire.own_bonds(i) != count - 1) return false;
      return true;
    };
    EXPECT_TRUE(wire.run_until(whole, 5s)) << count;
    RecordProperty("ms_" + std::to_string(count), std::to_string((wire.now().mono - begun) / 1ms));
  }
}

}  // namespace
}  // namespace mosaik::test
