#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <fstream>
#include <future>
#include <latch>
#include <set>
#include <thread>

#include "api/counter.hpp"
#include "api/nodes.hpp"

namespace mosaik {
namespace {

using namespace test;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

/// The crate's fixture (docs/protocol/groups.md 10): a leader that elected itself, and followers that joined it.
class Replicated : public testing::Test {
 protected:
  GroupOf<Counter>& add() {
    networks_.push_back(
        open_node(networks_.empty() ? std::vector<std::string>{} : std::vector{networks_.front().contact()}));
    groups_.push_back(replicate(networks_.back(), Counter{}));
    if (groups_.size() == 1)
      static_cast<void>(wait_for(groups_[0].when().is_leader()));
    else
      static_cast<void>(wait_for(groups_.back().when().leader_is(networks_[0].id())));
    static_cast<void>(wait_for(groups_.back().when().online()));
    return groups_.back();
  }
  static std::int64_t value(const GroupOf<Counter>& group, Consistency consistency = Consistency::weak) {
    return wait_for(group.query({}, consistency)).result;
  }
  static void reaches(const GroupOf<Counter>& group, std::uint64_t index) {
    static_cast<void>(wait_for(group.when().committed().reaches(Index{index})));
  }

  /// Both may have stood at once: the one of the lower term led for a moment, and then follows.
  static PeerId agreed_leader(const GroupOf<Counter>& one, const GroupOf<Counter>& two) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end) {
      const auto change = one.when().leader_changed();
      if (const auto leader = one.leader(); leader && leader == two.leader()) return *leader;
      static_cast<void>(change.get_for(20ms));
    }
    ADD_FAILURE() << "the two follow different leaders";
    return {};
  }

  // References to groups stay good as more are added.
  std::deque<Network> networks_;
  std::deque<GroupOf<Counter>> groups_;
};

TEST_F(Replicated, a_lone_member_elects_itself_and_commits) {
  auto& group = add();
  EXPECT_TRUE(group.is_leader());
  EXPECT_EQ(group.leader(), networks_[0].id());
  EXPECT_EQ(group.committed(), Index{0});
  EXPECT_EQ(wait_for(group.execute(up(3))), Index{1});
  EXPECT_EQ(wait_for(group.execute(up(4))), Index{2});
  EXPECT_EQ(group.committed(), Index{2});
  EXPECT_EQ(group.log_position().index, Index{2});
  const auto answer = wait_for(group.query({}, Consistency::strong));
  EXPECT_EQ(answer.result, 7);
  EXPECT_EQ(answer.position, Index{2});
}

TEST(ReplicatedGroup, is_never_seen_without_its_machine) {
  for (int i = 0; i < 20; ++i) {
    Network network = open_node();
    std::promise<bool> seen;
    const auto subscription = network.subscribe([&](const Event& event) {
      if (event.kind != EventKind::joined) return;
      const NodeStatus status = network.status();
      seen.set_value(status.groups.size() == 1 && status.groups.front().consensus.has_value());
    });
    const auto group = replicate(network, Counter{});
    ASSERT_TRUE(seen.get_future().get()) << i;
  }
}

TEST(ReplicatedGroup, is_not_joined_with_settings_that_mean_nothing) {
  const Network network = open_node();
  const auto build = [&] {
    return network.groups().with_key(GroupKey::from_secret("x")).with_state_machine(Counter{});
  };
  const auto backwards = build().with_alone_after(-1ns).join();
  ASSERT_FALSE(backwards);
  EXPECT_EQ(backwards.error().code, Errc::invalid_argument);
  const auto nothing = build().with_catch_up_batch(0).join();
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, Errc::invalid_argument);
}

TEST_F(Replicated, barrier__weak_reads_behind_it_see_what_was_committed_elsewhere) {
  auto& leader = add();
  auto& follower = add();
  for (int i = 1; i <= 5; ++i) {
    const Index committed = wait_for(leader.execute(up(1)));
    EXPECT_GE(wait_for(follower.barrier()), committed);
    EXPECT_EQ(value(follower), i);
  }
}

// tests/groups/execute.rs: no_catchup_weak_query, no_catchup_strong_query.
TEST_F(Replicated, leader_and_followers_execute_and_all_read_the_same) {
  auto& leader = add();
  auto& one = add();
  auto& two = add();
  EXPECT_EQ(wait_for(leader.execute(up(3))), Index{1});
  EXPECT_EQ(wait_for(leader.execute(up(4))), Index{2});
  for (const auto* follower : {&one, &two}) {
    reaches(*follower, 2);
    EXPECT_EQ(value(*follower), 7);
    EXPECT_EQ(value(*follower, Consistency::strong), 7);
    EXPECT_FALSE(follower->is_leader());
  }
  EXPECT_EQ(wait_for(one.execute(down(2))), Index{3});
  EXPECT_EQ(value(leader, Consistency::strong), 5);
  const std::vector<Counter::Command> batch{up(10), up(11), down(1)};
  EXPECT_EQ(wait_for(two.execute_many(batch)), (IndexRange{Index{4}, Index{6}}));
  EXPECT_EQ(value(two, Consistency::strong), 25);
}

// tests/groups/feed.rs: smoke.
TEST_F(Replicated, feeding_gives_places_and_all_members_get_there) {
  auto& leader = add();
  auto& follower = add();
  EXPECT_EQ(wait_for(follower.feed(up(1))), Index{1});
  EXPECT_EQ(wait_for(follower.feed(up(2))), Index{2});
  const std::vector<Counter::Command> batch{up(3), up(4), up(5)};
  EXPECT_EQ(wait_for(follower.feed_many(batch)), (IndexRange{Index{3}, Index{5}}));
  reaches(leader, 5);
  reaches(follower, 5);
  EXPECT_EQ(value(leader), 15);
  EXPECT_EQ(value(follower), 15);
}

// tests/groups/execute.rs: execute_is_send_sync_via_joinset.
TEST_F(Replicated, many_calls_of_several_members_at_once_all_end_well) {
  auto& leader = add();
  auto& follower = add();
  std::vector<Future<Result<Index>>> calls;
  for (std::uint32_t i = 0; i < 100; ++i) calls.push_back((i % 2 == 0 ? leader : follower).execute(up(i)));
  std::set<std::uint64_t> places;
  for (const auto& call : calls) places.insert(wait_for(call).value);
  EXPECT_EQ(places.size(), 100U);
  EXPECT_EQ(*places.rbegin(), 100U);
  reaches(follower, 100);
  EXPECT_EQ(value(follower), 4950);
}

// tests/groups/leader.rs: is_elected.
TEST_F(Replicated, when_the_leader_goes_the_others_agree_on_another_and_go_on) {
  auto& old = add();
  auto& one = add();
  auto& two = add();
  static_cast<void>(wait_for(old.execute(up(5))));
  reaches(one, 1);
  reaches(two, 1);
  const auto seen_by_one = one.when().leader_changed();
  const auto seen_by_two = two.when().leader_changed();
  networks_[0].close();
  static_cast<void>(wait_for(seen_by_one));
  static_cast<void>(wait_for(seen_by_two));
  const PeerId next = agreed_leader(one, two);
  EXPECT_TRUE(next == networks_[1].id() || next == networks_[2].id());
  static_cast<void>(wait_for(one.execute(up(1))));
  EXPECT_EQ(value(two, Consistency::strong), 6);
}

// tests/groups/catchup.rs: one_leader_one_follower_large.
TEST_F(Replicated, a_late_joiner_catches_up) {
  auto& leader = add();
  std::vector<Counter::Command> many(5000, up(1));
  static_cast<void>(wait_for(leader.execute_many(many)));
  auto& late = add();
  reaches(late, 5000);
  EXPECT_EQ(value(late), 5000);
  EXPECT_EQ(wait_for(late.execute(up(1))), Index{5001});
}

TEST_F(Replicated, a_call_without_commands_or_with_too_much_is_refused_with_the_limit) {
  auto& group = add();
  const auto none = group.execute_many({}).get_for(patience);
  ASSERT_TRUE(none && !*none);
  EXPECT_EQ(none->error().code, Errc::invalid_argument);
  const auto huge = group.execute_bytes({std::vector<std::uint8_t>((8U << 20U) + 1)}).get_for(patience);
  ASSERT_TRUE(huge && !*huge);
  EXPECT_EQ(huge->error().code, Errc::limit);
  EXPECT_THAT(huge->error().message, HasSubstr("8388608"));
  const auto many = group.execute_bytes(std::vector(65'537, std::vector<std::uint8_t>(1))).get_for(patience);
  ASSERT_TRUE(many && !*many);
  EXPECT_EQ(many->error().code, Errc::limit);
  EXPECT_THAT(many->error().message, HasSubstr("65536"));
}

TEST_F(Replicated, calls_end_when_the_group_is_left_and_waits_do_too) {
  auto& group = add();
  const auto never = group.when().committed().reaches(Index{1'000'000});
  networks_[0].close();
  const auto ended = never.get_for(patience);
  ASSERT_TRUE(ended.has_value());
  EXPECT_FALSE(ended->has_value());
  const auto late = group.execute(up(1)).get_for(patience);
  ASSERT_TRUE(late.has_value());
  ASSERT_FALSE(late->has_value());
  EXPECT_EQ(late->error().code, Errc::closed);
}

TEST_F(Replicated, callbacks_run_without_a_future_on_the_loop_or_off_it) {
  auto& group = add();
  std::latch done(2);
  std::atomic<std::uint64_t> sum = 0;
  for (const bool on_loop : {false, true})
    group.execute(up(1), {.on_loop = on_loop}, [&](Result<Index> index) {
      sum += index ? index->value : 1000;
      done.count_down();
    });
  done.wait();
  EXPECT_EQ(sum, 3U);
}

TEST_F(Replicated, a_callback_on_the_loop_may_begin_the_next_call) {
  for (int i = 0; i < 2; ++i) add();
  for (const auto& group : groups_) {
    std::latch done(1);
    std::vector<std::uint64_t> places;
    std::function<void(const Result<Index>&)> next = [&](const Result<Index>& index) {
      places.push_back(index ? index->value : 0);
      if (places.size() == 100)
        done.count_down();
      else
        group.execute(up(1), {.on_loop = true}, next);
    };
    group.execute(up(1), {.on_loop = true}, next);
    done.wait();
    EXPECT_THAT(places, Not(Contains(0U)));
    EXPECT_TRUE(std::ranges::is_sorted(places));
  }
  EXPECT_EQ(value(groups_[0], Consistency::strong), 200);
}

TEST_F(Replicated, members_that_do_not_share_their_quorum_floor_tell_each_other) {
  const auto open = [&](std::vector<std::string> bootstrap) {
    networks_.push_back(open_node(std::move(bootstrap)));
    return std::make_unique<Events>(networks_.back());
  };
  const auto join = [&](const Network& network, std::uint32_t floor) {
    return replicate_with(network, Counter{}, [floor](auto& builder) { builder.with_quorum_floor(floor); });
  };
  const auto one = open({});
  const auto other = open({networks_[0].contact()});
  const auto third = open({networks_[0].contact()});
  const std::array groups{join(networks_[0], 2), join(networks_[1], 3), join(networks_[2], 2)};
  const Event heard = one->wait_for(EventKind::floor_differs);
  EXPECT_EQ(heard.peer, networks_[1].id());
  EXPECT_EQ(heard.code, 3U);
  EXPECT_EQ(other->wait_for(EventKind::floor_differs).code, 2U);
  EXPECT_EQ(third->wait_for(EventKind::floor_differs).peer, networks_[1].id());
  for (const auto& group : groups) static_cast<void>(wait_for(group.when().bonds_reach(2)));
  for (const Event& event : one->all())
    EXPECT_FALSE(event.kind == EventKind::floor_differs && event.peer == networks_[2].id());
}

struct Fragile {
  using Command = std::uint32_t;
  using Query = std::monostate;
  using QueryResult = std::uint32_t;
  static Digest signature() { return Digest::of("fragile"); }
  void apply(const Command& command, const ApplyContext&) {
    if (command == 13) throw std::runtime_error("thirteen");
    last = command;
  }
  [[nodiscard]] QueryResult query(const Query&) const { return last; }
  std::uint32_t last = 0;
};

TEST_F(Replicated, a_machine_that_throws_stops_its_group_with_the_reason_and_harms_no_other) {
  auto& counter = add();
  const auto fragile = replicate(networks_[0], Fragile{}, "another secret");
  static_cast<void>(wait_for(fragile.when().is_leader()));
  static_cast<void>(wait_for(fragile.execute(1)));
  static_cast<void>(fragile.execute(13).get_for(patience));
  for (;;) {
    const auto after = fragile.execute(2).get_for(patience);
    ASSERT_TRUE(after.has_value());
    if (!*after && after->error().code == Errc::closed) break;
  }
  EXPECT_EQ(fragile.consensus().role, MemberRole::stopped);
  EXPECT_EQ(wait_for(counter.execute(up(2))), Index{1});
}

/// Written by hand, and throws what it likes where it likes.
class Raw final : public Machine {
 public:
  Result<> apply(std::span<const BytesView> commands, const ApplyContext&) override {
    if (!commands.front().empty()) throw std::runtime_error("a command");
    return {};
  }
  Result<std::vector<std::uint8_t>> query(BytesView query) override {
    if (query.empty()) return std::unexpected(Error{Errc::malformed, "an empty query"});
    throw 7;
  }
  void reset() override {}
  [[nodiscard]] Digest signature() const override { return Digest::of("raw"); }
  [[nodiscard]] std::string rust_type() const override { return {}; }
};

TEST_F(Replicated, a_machine_written_by_hand_may_throw_and_its_queries_are_told_why_they_failed) {
  auto& counter = add();
  auto joined = networks_[0]
                    .groups()
                    .with_key(GroupKey::from_secret("a third secret"))
                    .with_machine(std::make_unique<Raw>())
                    .with_consensus(quick())
                    .with_alone_after(std::chrono::nanoseconds::max())
                    .join();
  ASSERT_TRUE(joined);
  const CallOptions patient{.time = std::chrono::nanoseconds::max()};
  static_cast<void>(wait_for(joined->when().is_leader()));
  EXPECT_TRUE(joined->execute_bytes({{}}, patient).get_for(patience)->has_value());
  EXPECT_EQ(joined->query_bytes({}, Consistency::weak, patient).get_for(patience)->error().code, Errc::malformed);
  EXPECT_EQ(joined->query_bytes({1}, Consistency::strong, patient).get_for(patience)->error().code, Errc::internal);
  EXPECT_EQ(joined->consensus().role, MemberRole::leader) << "a query that fails harms nobody";
  static_cast<void>(joined->execute_bytes({{1}}, patient).get_for(patience));
  for (;;) {  // what is committed before the machine is seen to have failed is told so
    const auto after = joined->execute_bytes({{1}}, patient).get_for(patience);
    ASSERT_TRUE(after.has_value());
    if (!*after && after->error().code == Errc::closed) break;
  }
  EXPECT_EQ(wait_for(counter.execute(up(2))), Index{1});
}

struct InLine : Counter {
  static constexpr bool runs_in_line = true;
  static Digest signature() { return Digest::of("in line"); }
};

TEST_F(Replicated, a_quick_machine_may_run_in_line) {
  networks_.push_back(open_node());
  const auto group = replicate(networks_[0], InLine{});
  static_cast<void>(wait_for(group.when().is_leader()));
  for (std::uint64_t i = 1; i <= 1000; ++i) ASSERT_EQ(wait_for(group.execute(up(1))), Index{i});
  EXPECT_EQ(wait_for(group.query({}, Consistency::strong)).result, 1000);
}

TEST_F(Replicated, a_watcher_tells_each_value_above_that_at_the_time_of_the_question) {
  auto& group = add();
  const auto places = group.when().committed();
  static_cast<void>(wait_for(group.execute(up(1))));
  EXPECT_EQ(wait_for(places.changed()), Index{1}) << "since the watcher was made";
  const auto advanced = places.advanced();
  EXPECT_FALSE(advanced.get_for(0s)) << "what is there is not above itself";
  static_cast<void>(wait_for(group.execute(up(1))));
  EXPECT_EQ(wait_for(advanced), Index{2});
  const auto entries = group.when().log();
  const auto appended = entries.advanced();
  static_cast<void>(wait_for(group.execute(up(1))));
  EXPECT_EQ(wait_for(appended).index, Index{3});
}

TEST_F(Replicated, is_follower_completes_with_the_leader_and_not_while_this_member_leads) {
  auto& leader = add();
  const auto deposed = leader.when().is_follower();
  auto& follower = add();
  EXPECT_EQ(wait_for(follower.when().is_follower()), networks_[0].id());
  EXPECT_FALSE(deposed.get_for(0s));
}

// Its peers have another history, of a later term: what it alone agreed with itself on is given up.
TEST_F(Replicated, a_lone_member_that_meets_a_group_reverts_to_its_history_and_follows) {
  auto& lone = add();
  for (int i = 0; i < 4; ++i) static_cast<void>(wait_for(lone.execute(up(100))));
  const auto reverted = lone.when().committed().reverted();
  static_cast<void>(wait_for(lone.execute(up(100))));
  const auto advanced = lone.when().committed().advanced();
  const auto deposed = lone.when().is_follower();

  networks_.push_back(open_node());
  auto& first = groups_.emplace_back(replicate(networks_.back(), Counter{}));
  static_cast<void>(wait_for(first.when().is_leader()));
  networks_.push_back(open_node({networks_[1].contact()}));
  auto& second = groups_.emplace_back(replicate(networks_.back(), Counter{}));
  static_cast<void>(wait_for(second.when().leader_is(networks_[1].id())));
  static_cast<void>(wait_for(first.execute(up(1))));
  static_cast<void>(wait_for(second.execute(up(1))));
  EXPECT_FALSE(reverted.get_for(0s));

  static_cast<void>(wait_for(networks_[0].sync_with(networks_[1].contact())));
  EXPECT_LT(wait_for(reverted), Index{4});
  static_cast<void>(wait_for(deposed));
  static_cast<void>(agreed_leader(lone, second));
  static_cast<void>(wait_for(lone.execute(up(1))));
  EXPECT_EQ(value(lone, Consistency::strong), 3);
  EXPECT_FALSE(advanced.get_for(0s)) << "there are fewer commands than it had";
  for (int i = 0; i < 3; ++i) static_cast<void>(wait_for(lone.execute(up(1))));
  EXPECT_EQ(wait_for(advanced), Index{6});
  EXPECT_GE(lone.consensus().diverged, 1U);
}

TEST_F(Replicated, the_mesh_of_a_group_with_a_machine_has_its_own_online) {
  auto& lone = add();
  const Future<Result<Bonds>> whole = lone.when().mesh().online();
  EXPECT_FALSE(whole.get_for(0s)) << "a leader without peers is online in the consensus alone";
  add();
  EXPECT_EQ(wait_for(whole).own().size(), 1U);
}

TEST_F(Replicated, an_observer_leaves_the_election_to_a_later_and_slower_member) {
  networks_.push_back(open_node());
  auto& observer = groups_.emplace_back(
      replicate_with(networks_[0], Counter{}, [](auto& builder) { builder.with_preference(Preference::observer); }));
  networks_.push_back(open_node({networks_[0].contact()}));
  auto slower = quick();
  slower.bootstrap_delay = 3 * (slower.election_timeout + slower.election_timeout_jitter);
  groups_.push_back(replicate_with(networks_[1], Counter{}, [&](auto& builder) { builder.with_consensus(slower); }));
  EXPECT_EQ(wait_for(observer.when().leader_elected()), networks_[1].id());
  EXPECT_EQ(observer.consensus().elections, 0U);
}

/// What a run of a node has written down, once it holds `wanted`.
std::string written(const std::string& path, std::string_view wanted) {
  for (const auto end = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < end;) {
    std::ifstream file(path);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.find(wanted) != std::string::npos) return text;
    std::this_thread::sleep_for(10ms);
  }
  throw std::runtime_error(path + " never held " + std::string(wanted));
}

TEST_F(Replicated, what_is_left_of_a_larger_group_goes_on_alone_after_the_time_that_it_was_given) {
  add();
  const Folder folder;
  auto config = on_loopback({networks_[0].contact()});
  config.secret_key_file = folder / "key";
  std::string memory;
  {
    const Network network = value_of(Network::open(config));
    const auto group = replicate(network, Counter{});
    static_cast<void>(wait_for(group.when().online()));
    memory = written(config.secret_key_file + ".state", group.id().hex() + " 2");
  }
  networks_[0].close();
  std::ofstream(config.secret_key_file + ".state") << memory;  // as if it had been killed: it said no goodbye
  config.bootstrap.clear();
  const Network network = value_of(Network::open(config));
  const auto left = replicate_with(network, Counter{}, [](auto& builder) { builder.with_alone_after(1s); });
  EXPECT_TRUE(left.when().is_leader().get_for(20s)) << "the default is 30 s";
  EXPECT_EQ(left.consensus().group_size, 2U);
}

TEST_F(Replicated, members_with_another_machine_are_another_group) {
  auto& counter = add();
  networks_.push_back(open_node({networks_[0].contact()}));
  const auto other = replicate(networks_[1], InLine{});
  EXPECT_NE(other.id(), counter.id());
}

}  // namespace
}  // namespace mosaik
