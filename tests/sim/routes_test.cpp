// Routes: which host gets a datagram, and what translation shows it.

#include "sim/world/routes.hpp"

#include <gtest/gtest.h>

namespace mosaik::sim {
namespace {

SocketAddress at(const std::string& text) {
  return *SocketAddress::parse(text);
}
SocketAddress ip(const std::string& text) {
  return at(text + ":0");
}

/// Hosts 0 and 1 on a LAN, each with a container bridge of the same address; hosts 2 and 3 are containers of 0 and 1
/// that have the same address too. Host 4 is behind the router.
class TwoMachines : public testing::Test {
 protected:
  TwoMachines() {
    const SegmentId lan = routes_.add({.name = "lan", .routed = true, .delay = 2ms});
    far_ = routes_.add({.name = "far", .routed = true, .mtu = 1300});
    for (std::uint32_t i = 0; i < 2; ++i) {
      const SegmentId bridge = routes_.add({.name = "bridge", .gateway = HostId{i}});
      routes_.attach({i}, {.segment = bridge, .address = ip("172.17.0.1"), .prefix = 16});
      routes_.attach({i}, {.segment = lan, .address = ip("192.168.1." + std::to_string(i + 1))});
      routes_.attach({i + 2}, {.segment = bridge, .address = ip("172.17.0.2"), .prefix = 16});
      routes_.translate(HostId{i}, at("192.168.1." + std::to_string(i + 1) + ":7100"), at("172.17.0.2:7000"));
    }
    routes_.attach({4}, {.segment = far_, .address = ip("10.1.0.5")});
    for (std::uint32_t i = 0; i < 5; ++i) routes_.listen({i}, 7000);
  }

  std::optional<Routes::IncomingHandshake> send(std::uint32_t from, const std::string& to,
                                                const std::string& local = "0.0.0.0:0") {
    return routes_.send(now_, {from}, at(local), at(to));
  }
  /// Who answers there, if the answer finds its way back.
  std::optional<std::uint32_t> answers(std::uint32_t from, const std::string& to, std::size_t bytes = 1200) {
    const auto out = routes_.answers(now_, {from}, at(to), bytes);
    return out ? std::optional(out->value) : std::nullopt;
  }

  Routes routes_;
  SegmentId far_;
  Mono now_{Nanoseconds(1s)};
};

TEST_F(TwoMachines, a_shared_address_leads_to_whoever_is_near) {
  EXPECT_EQ(answers(0, "172.17.0.1:7000"), 0U) << "each host is the bridge's address itself";
  EXPECT_EQ(answers(1, "172.17.0.1:7000"), 1U);
  EXPECT_EQ(answers(0, "172.17.0.2:7000"), 2U) << "each has a container of that address";
  EXPECT_EQ(answers(1, "172.17.0.2:7000"), 3U);
  EXPECT_EQ(answers(2, "172.17.0.1:7000"), 0U);
  EXPECT_EQ(answers(4, "172.17.0.2:7000"), std::nullopt) << "no bridge is routed";
}

TEST_F(TwoMachines, a_lan_address_leads_to_its_holder_in_its_own_time) {
  const auto arrival = send(0, "192.168.1.2:7000");
  ASSERT_TRUE(arrival);
  EXPECT_EQ(arrival->to, HostId{1});
  EXPECT_EQ(arrival->source, at("192.168.1.1:7000"));
  EXPECT_EQ(arrival->local, at("192.168.1.2:7000"));
  EXPECT_EQ(arrival->delay, 2ms);
  EXPECT_TRUE(arrival->listens);
  EXPECT_FALSE(send(0, "192.168.1.2:7001")->listens);
  EXPECT_FALSE(send(0, "192.168.1.77:7000")) << "nobody holds it";
}

TEST_F(TwoMachines, loopback_leads_to_the_host_itself) {
  EXPECT_EQ(answers(0, "127.0.0.1:7000"), 0U);
  EXPECT_EQ(answers(3, "127.0.0.1:7000"), 3U);
}

TEST_F(TwoMachines, a_published_port_leads_to_the_container) {
  EXPECT_EQ(answers(0, "192.168.1.2:7100"), 3U);
  EXPECT_EQ(answers(4, "192.168.1.1:7100"), 2U);
  EXPECT_EQ(answers(2, "192.168.1.2:7100"), 3U) << "also from a container with the same address";
}

TEST_F(TwoMachines, a_container_shows_its_host_address) {
  const auto arrival = send(2, "192.168.1.2:7000");
  ASSERT_TRUE(arrival);
  EXPECT_EQ(arrival->to, HostId{1});
  EXPECT_EQ(arrival->source.with_port(0), ip("192.168.1.1"));
  EXPECT_NE(arrival->source.port(), 7000) << "the host listens there itself";
  const auto back = routes_.send(now_, {1}, arrival->local, arrival->source);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->to, HostId{2});
  EXPECT_EQ(back->source, at("192.168.1.2:7000"));
  EXPECT_EQ(back->local, at("172.17.0.2:7000"));
}

TEST_F(TwoMachines, mappings_that_are_forgotten_come_back_with_another_port) {
  const auto before = send(2, "192.168.1.2:7000");
  routes_.forget_mappings();
  EXPECT_FALSE(routes_.send(now_, {1}, before->local, before->source)->listens) << "the old port leads nowhere";
  EXPECT_NE(send(2, "192.168.1.2:7000")->source, before->source);
}

TEST_F(TwoMachines, a_mapping_lives_as_long_as_it_is_used) {
  const std::string service = "10.9.0.100:7000";
  routes_.translate(Routes::router, at(service), at("192.168.1.1:7000"));
  EXPECT_EQ(send(4, service)->to, HostId{0});
  routes_.translate(Routes::router, at(service), at("192.168.1.2:7000"));
  for (int i = 0; i < 20; ++i) {
    now_ += Routes::unanswered_mapping - 1s;
    EXPECT_EQ(send(4, service)->to, HostId{0}) << "each datagram keeps it";
  }
  EXPECT_EQ(send(4, service, "0.0.0.0:7777")->to, HostId{1}) << "from another port it is another mapping";
  now_ += Routes::unanswered_mapping + 1s;
  EXPECT_EQ(send(4, service)->to, HostId{1});
}

TEST_F(TwoMachines, an_answered_mapping_lives_longer) {
  const std::string service = "10.9.0.100:7000";
  routes_.translate(Routes::router, at(service), at("192.168.1.1:7000"));
  const auto arrival = send(4, service);
  const auto back = routes_.send(now_, {0}, arrival->local, arrival->source);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->source, at(service)) << "the answer comes from where the question went";
  routes_.translate(Routes::router, at(service), at("192.168.1.2:7000"));
  now_ += Routes::answered_mapping - 1s;
  EXPECT_EQ(send(4, service)->to, HostId{0});
  now_ += Routes::answered_mapping + 1s;
  EXPECT_EQ(send(4, service)->to, HostId{1});
}

TEST_F(TwoMachines, a_question_about_reach_leaves_no_mapping) {
  EXPECT_EQ(answers(2, "192.168.1.2:7000"), 1U);
  EXPECT_EQ(routes_.mappings(), 0U);
}

TEST_F(TwoMachines, the_narrowest_network_on_the_way_counts) {
  EXPECT_EQ(send(0, "10.1.0.5:7000")->mtu, 1300U);
  EXPECT_EQ(answers(0, "10.1.0.5:7000", 1272), 4U);
  EXPECT_EQ(answers(0, "10.1.0.5:7000", 1273), std::nullopt);
  EXPECT_EQ(answers(0, "192.168.1.2:7000", 1472), 1U);
}

TEST_F(TwoMachines, what_is_down_or_swallows_answers_nobody) {
  ++routes_.segment(far_).swallowing;
  EXPECT_EQ(answers(0, "10.1.0.5:7000"), std::nullopt);
  --routes_.segment(far_).swallowing;
  EXPECT_EQ(answers(0, "10.1.0.5:7000"), 4U);
  routes_.interfaces({4}).front().up = false;
  EXPECT_EQ(answers(0, "10.1.0.5:7000"), std::nullopt);
  EXPECT_TRUE(routes_.addresses({4}).empty());
}

}  // namespace
}  // namespace mosaik::sim
