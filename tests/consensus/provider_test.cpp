// Serving those who catch up: what a member that asks without end gets, and what it costs.

#include "consensus/cluster.hpp"

namespace mosaik::test {
namespace {

using consensus::FetchEntriesRequest;
using consensus::FetchEntriesResponse;

/// A leader with a log, and a follower that asks for it as often as it likes.
class AskedLeader : public testing::Test {
 protected:
  static constexpr std::uint64_t entries = 5000;

  AskedLeader() {
    cluster_.boot_all();
    cluster_.bond_all();
    EXPECT_TRUE(cluster_.run_until([&] { return cluster_.agreed(); }, 20s)) << cluster_.describe();
    lead_ = cluster_.leader().value_or(0);
    asker_ = lead_ == 0 ? 1 : 0;
    cluster_.execute(lead_, std::vector<Blob>(entries, text("x")));
    EXPECT_TRUE(cluster_.run_until([&] { return cluster_.agreed(); }, 5s));
    cluster_.on_sent = [&](std::size_t from, std::size_t to, const consensus::Message& message) {
      const auto* answer = std::get_if<FetchEntriesResponse>(&message);
      if (answer != nullptr && from == lead_ && to == asker_) answers_.push_back(answer->range);
    };
  }
  void ask(std::uint64_t first, std::uint64_t last) {
    std::vector<std::uint8_t> bytes;
    consensus::encode(FetchEntriesRequest{{Index{first}, Index{last}}}, bytes);
    ASSERT_TRUE(cluster_.engine(lead_).on_message(cluster_.now(), cluster_.member(asker_).id, Blob::copy(bytes)));
  }

  Cluster cluster_{1, {}};
  std::size_t lead_ = 0;
  std::size_t asker_ = 0;
  std::vector<IndexRange> answers_;
};

TEST_F(AskedLeader, gives_one_answer_at_a_time_and_the_newest_next) {
  bool full = true;
  cluster_.queue_full = [&](std::size_t from, std::size_t to) { return from == lead_ && to == asker_ && full; };
  for (std::uint64_t i = 1; i <= 1000; ++i) ask(i, i + 10);
  cluster_.step(lead_);
  cluster_.run_for(1s);
  ASSERT_EQ(answers_.size(), 1U) << "the first answer still waits in our queue";
  EXPECT_EQ(answers_[0].first, Index{1});

  full = false;
  cluster_.run_for(1s);
  ASSERT_EQ(answers_.size(), 2U);
  EXPECT_EQ(answers_[1].first, Index{1000}) << "who has asked again does not wait for the older answer";
}

TEST_F(AskedLeader, answers_no_faster_than_the_rate) {
  const auto ask_for = [&](Nanoseconds span) {
    answers_.clear();
    const Mono end = cluster_.now().mono + span;
    while (cluster_.now().mono < end) {
      ask(1, 2000);
      cluster_.step(lead_);
      cluster_.run_for(100us);
    }
    return answers_.size();
  };
  const std::size_t at_once = ask_for(100ms);
  EXPECT_GE(at_once, 100U);
  const std::size_t more = ask_for(1s);
  EXPECT_GT(more, limits::catch_up_rate / 2300);
  EXPECT_LT(more, limits::catch_up_rate / 2000 + 2);
  EXPECT_TRUE(cluster_.agreed());
}

TEST_F(AskedLeader, tells_what_it_has_no_more_often_than_the_rate) {
  std::size_t told = 0;
  cluster_.on_sent = [&](std::size_t from, std::size_t, const consensus::Message& message) {
    if (from == lead_ && std::holds_alternative<consensus::AvailabilityResponse>(message)) ++told;
  };
  std::vector<std::uint8_t> bytes;
  consensus::encode(consensus::AvailabilityRequest{}, bytes);
  for (int i = 0; i < 1000; ++i)
    ASSERT_TRUE(cluster_.engine(lead_).on_message(cluster_.now(), cluster_.member(asker_).id, Blob::copy(bytes)));
  cluster_.step(lead_);
  EXPECT_EQ(told, limits::availability_burst);
}

TEST_F(AskedLeader, answers_others_meanwhile) {
  cluster_.queue_full = [&](std::size_t from, std::size_t to) { return from == lead_ && to == asker_; };
  ask(1, 2000);
  ask(1, 2000);
  const std::size_t other = 3 - lead_ - asker_;
  cluster_.crash(other);
  cluster_.run_for(100ms);
  cluster_.boot(other);
  cluster_.bond_all();
  EXPECT_TRUE(cluster_.run_until([&] { return cluster_.agreed(); }, 10s)) << cluster_.describe();
  EXPECT_EQ(cluster_.values(other).size(), entries);
  EXPECT_EQ(answers_.size(), 1U);
}

}  // namespace
}  // namespace mosaik::test
