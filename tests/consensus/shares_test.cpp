// What one member may put into the log of all, and what is left for the others.

#include "consensus/cluster.hpp"
#include "consensus/dynamic/contributions.hpp"

namespace mosaik::test {
namespace {

using consensus::Committed;
using consensus::NotApplied;
using consensus::Refusal;

/// Three members; the second follower forwards whatever it is told to, without a call of its own.
class Shares : public testing::Test {
 protected:
  void begin(std::size_t log_bytes) {
    cluster_.tune = [=](std::size_t, consensus::Config& config) { config.log_bytes = log_bytes; };
    cluster_.boot_all();
    cluster_.bond_all();
    ASSERT_TRUE(cluster_.run_until([&] { return cluster_.agreed(); }, 20s)) << cluster_.describe();
    lead_ = cluster_.leader().value_or(0);
    honest_ = (lead_ + 1) % 3;
    greedy_ = (lead_ + 2) % 3;
  }
  void forward(std::size_t bytes) {
    std::vector<std::uint8_t> message;
    consensus::encode(consensus::ForwardCommand{{Blob::copy(std::vector<std::uint8_t>(bytes))}, ++request_}, message);
    ASSERT_TRUE(cluster_.engine(lead_).on_message(cluster_.now(), cluster_.member(greedy_).id, Blob::copy(message)));
    cluster_.step(lead_);
  }
  [[nodiscard]] std::size_t log_memory() { return cluster_.status(lead_).log_bytes; }

  Cluster cluster_{1, {}};
  std::size_t lead_ = 0;
  std::size_t honest_ = 0;
  std::size_t greedy_ = 0;
  std::uint64_t request_ = 0;
};

TEST_F(Shares, of_a_log_leave_room_for_others_and_the_log_stays_within_its_limit) {
  constexpr std::size_t limit = 64U << 20U;
  begin(limit);
  for (int i = 0; i < 200; ++i) {
    forward(1U << 20U);
    cluster_.run_for(20ms);
  }
  EXPECT_GT(log_memory(), limit / 2 - (2U << 20U));
  EXPECT_LE(log_memory(), limit / 2 + (1U << 20U)) << "who writes without end gets half";

  const auto mine = cluster_.execute(honest_, {Blob::copy(std::vector<std::uint8_t>(4U << 20U))});
  cluster_.run_for(100ms);
  EXPECT_NE(cluster_.answered<Committed>(honest_, mine), nullptr) << cluster_.describe();

  // The leader itself may fill it; then everybody is told at once and in words.
  for (int i = 0; i < 40; ++i) {
    cluster_.execute(lead_, {Blob::copy(std::vector<std::uint8_t>(1U << 20U))});
    cluster_.run_for(20ms);
  }
  EXPECT_LE(log_memory(), limit);
  EXPECT_EQ(cluster_.status(honest_).log_limit, limit);
  for (const std::size_t i : {lead_, honest_}) {
    const auto call = cluster_.execute(i, {Blob::copy(std::vector<std::uint8_t>(2U << 20U))});
    cluster_.run_for(20ms);
    ASSERT_NE(cluster_.answered<NotApplied>(i, call), nullptr) << i;
    EXPECT_EQ(cluster_.answered<NotApplied>(i, call)->why, Refusal::log_full);
  }
}

TEST_F(Shares, of_what_is_uncommitted_leave_room_for_others) {
  begin(limits::log_bytes);
  cluster_.lets_pass = [&](std::size_t, std::size_t to, const consensus::Message& message) {
    return to != lead_ || !std::holds_alternative<consensus::AppendEntriesResponse>(message);
  };
  for (int i = 0; i < 60; ++i) forward(1U << 20U);
  EXPECT_LE(log_memory(), limits::uncommitted_bytes / 2 + (1U << 20U));
  const auto mine =
      cluster_.execute(honest_, {Blob::copy(std::vector<std::uint8_t>(4U << 20U))}, 5s, consensus::Until::assigned);
  cluster_.run_for(20ms);
  EXPECT_NE(cluster_.answered<consensus::Assigned>(honest_, mine), nullptr);

  // What is committed counts no more.
  cluster_.lets_pass = nullptr;
  cluster_.run_for(2s);
  const std::size_t before = log_memory();
  forward(1U << 20U);
  EXPECT_GT(log_memory(), before);
}

TEST(FairShare, is_what_leaves_as_much_for_all_others) {
  using consensus::is_fair;
  EXPECT_TRUE(is_fair(0, 50, 0, 100));
  EXPECT_TRUE(is_fair(40, 10, 40, 100));
  EXPECT_FALSE(is_fair(50, 1, 50, 100));
  EXPECT_TRUE(is_fair(0, 1, 98, 100));
  EXPECT_FALSE(is_fair(0, 3, 98, 100));
  EXPECT_FALSE(is_fair(0, 1, 200, 100));
}

}  // namespace
}  // namespace mosaik::test
