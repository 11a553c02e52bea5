// The crate's own integration tests for groups (docs/protocol/groups.md 10), among C++ nodes: builder, bonds, catchup,
// execute, feed, leader. Among nodes of both kinds they run in tests/interop/crate_groups.py.

#include <deque>
#include <set>

#include "api/counter.hpp"
#include "api/nodes.hpp"

namespace mosaik {
namespace {

using namespace test;

GroupOf<Counter> join_counter(const Network& network, std::uint32_t batch, std::string_view secret = "test secret") {
  auto builder = network.groups().with_key(GroupKey::from_secret(secret)).with_state_machine(Counter{});
  builder.with_consensus(quick()).with_catch_up_batch(batch);
  return value_of(builder.join());
}

class CrateGroups : public testing::Test {
 protected:
  /// A node that knows the first one; the first one leads when it has led alone.
  GroupOf<Counter>& add(std::uint32_t batch = 1000) {
    networks_.push_back(
        open_node(networks_.empty() ? std::vector<std::string>{} : std::vector{networks_.front().contact()}));
    return groups_.emplace_back(join_counter(networks_.back(), batch));
  }
  GroupOf<Counter>& add_follower(std::uint32_t batch = 1000) {
    auto& group = add(batch);
    static_cast<void>(wait_for(group.when().leader_is(networks_.front().id())));
    static_cast<void>(wait_for(group.when().online()));
    return group;
  }
  GroupOf<Counter>& add_leader(std::uint32_t batch = 1000) {
    auto& group = add(batch);
    EXPECT_FALSE(group.leader()) << "nobody leads at once";
    static_cast<void>(wait_for(group.when().is_leader()));
    return group;
  }
  /// A node that has met nobody and leads alone.
  GroupOf<Counter>& add_rival() {
    networks_.push_back(open_node());
    auto& group = groups_.emplace_back(join_counter(networks_.back(), 1000));
    static_cast<void>(wait_for(group.when().is_leader()));
    return group;
  }
  void discover_all() {
    for (Network& one : networks_)
      for (const Network& other : networks_)
        if (one.id() != other.id()) static_cast<void>(one.sync_with(other.contact()).get_for(patience));
  }
  static void reaches(const GroupOf<Counter>& group, std::uint64_t index) {
    static_cast<void>(wait_for(group.when().committed().reaches(Index{index})));
  }
  static std::int64_t read(const GroupOf<Counter>& group, Consistency consistency = Consistency::weak) {
    return wait_for(group.query({}, consistency)).result;
  }
  /// All members name one leader, and it is one of them.
  PeerId converge(std::size_t from = 0) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end) {
      const auto change = groups_[from].when().leader_changed();
      std::set<PeerId> named;
      for (std::size_t i = from; i < groups_.size(); ++i) named.insert(groups_[i].leader().value_or(PeerId{}));
      for (std::size_t i = from; i < networks_.size(); ++i)
        if (named.size() == 1 && *named.begin() == networks_[i].id()) return networks_[i].id();
      static_cast<void>(change.get_for(20ms));
    }
    ADD_FAILURE() << "the members name several leaders";
    return {};
  }

  std::deque<Network> networks_;
  std::deque<GroupOf<Counter>> groups_;
};

TEST_F(CrateGroups, builder_group_id_derived_from_config) {
  const Network one = open_node();
  const Network other = open_node();
  const Network third = open_node();
  EXPECT_EQ(join_counter(one, 1000).id(), join_counter(other, 1000).id());
  EXPECT_NE(join_counter(one, 1000, "another key").id(), join_counter(other, 1000, "one more key").id());
  EXPECT_NE(join(third).id(), join_counter(third, 1000).id()) << "another machine";
}

TEST_F(CrateGroups, bonds_members_can_see_each_other) {
  for (int i = 0; i < 4; ++i)
    networks_.push_back(open_node(i == 0 ? std::vector<std::string>{} : std::vector{networks_.front().contact()}));
  const std::vector<std::pair<std::string, std::vector<std::size_t>>> all = {
      {"pair", {0, 1}}, {"triple", {1, 2, 3}}, {"another pair", {0, 3}}};
  std::vector<std::pair<Group, std::size_t>> handles;
  for (const auto& [secret, members] : all)
    for (const std::size_t member : members) handles.emplace_back(join(networks_[member], secret), members.size() - 1);
  for (const auto& [group, bonds] : handles) {
    static_cast<void>(wait_for(group.when().bonds_reach(bonds)));
    EXPECT_EQ(group.bonds().own().size(), bonds);
  }
}

TEST_F(CrateGroups, catchup_one_leader_one_follower_small) {
  auto& leader = add_leader();
  for (const auto& command : {up(1), up(2), down(1), up(4)}) static_cast<void>(wait_for(leader.execute(command)));
  EXPECT_EQ(leader.committed(), Index{4});
  auto& follower = add_follower();
  static_cast<void>(wait_for(follower.when().log().reaches(Index{4})));
  reaches(follower, 4);
  EXPECT_EQ(read(follower), 6);
  EXPECT_EQ(wait_for(leader.execute(up(1))), Index{5});
  EXPECT_EQ(wait_for(leader.execute(up(1))), Index{6});
  reaches(follower, 6);
  EXPECT_EQ(read(follower), 8);
}

TEST_F(CrateGroups, catchup_one_leader_one_follower_large) {
  for (const std::uint32_t batch : {7U, 20U, 100U, 1000U}) {
    networks_.clear();
    groups_.clear();
    auto& leader = add_leader(batch);
    std::vector<Counter::Command> commands;
    for (std::uint32_t i = 0; i < 200; ++i) commands.push_back(up(i));
    static_cast<void>(wait_for(leader.execute_many(commands)));
    EXPECT_EQ(leader.committed(), Index{200});
    auto& follower = add_follower(batch);
    reaches(follower, 200);
    EXPECT_EQ(read(follower), 19900) << batch;
    EXPECT_EQ(wait_for(follower.execute_many(commands)), (IndexRange{Index{201}, Index{400}}));
    auto& third = add_follower(batch);
    for (const auto& group : groups_) reaches(group, 400);
    for (const auto* group : {&leader, &follower, &third}) EXPECT_EQ(read(*group), 39800) << batch;
  }
}

TEST_F(CrateGroups, execute_no_catchup_weak_query) {
  auto& leader = add_leader();
  auto& one = add_follower();
  auto& two = add_follower();
  for (const auto& group : groups_) EXPECT_EQ(group.committed(), Index{0});
  static_cast<void>(wait_for(leader.execute(up(3))));
  static_cast<void>(wait_for(leader.execute(up(4))));
  for (const auto* follower : {&one, &two}) {
    reaches(*follower, 2);
    EXPECT_EQ(read(*follower), 7);
  }
  EXPECT_EQ(wait_for(one.execute(down(2))), Index{3});
  EXPECT_EQ(read(leader), 5);
  EXPECT_EQ(read(one), 5) << "it has executed here";
  reaches(two, 3);
  EXPECT_EQ(read(two), 5);
  networks_[0].close();
  const PeerId next = converge(1);
  EXPECT_TRUE(next == networks_[1].id() || next == networks_[2].id());
  const std::vector<Counter::Command> batch{up(5), up(6), up(2)};
  EXPECT_EQ(wait_for(one.execute_many(batch)), (IndexRange{Index{4}, Index{6}}));
  EXPECT_EQ(wait_for(two.execute_many(batch)), (IndexRange{Index{7}, Index{9}}));
  for (const auto* follower : {&one, &two}) {
    reaches(*follower, 9);
    EXPECT_EQ(read(*follower), 31);
  }
}

TEST_F(CrateGroups, execute_no_catchup_strong_query) {
  auto& leader = add_leader();
  auto& follower = add_follower();
  static_cast<void>(wait_for(leader.execute(up(3))));
  static_cast<void>(wait_for(leader.execute(up(4))));
  reaches(follower, 2);
  for (const auto* group : {&leader, &follower}) {
    const auto answer = wait_for(group->query({}, Consistency::strong));
    EXPECT_EQ(answer.result, 7);
    EXPECT_EQ(answer.position, Index{2});
  }
  EXPECT_EQ(read(follower), 7);
}

TEST_F(CrateGroups, execute_is_send_sync_via_joinset) {
  auto& leader = add_leader();
  auto& follower = add_follower();
  std::vector<Future<Result<Index>>> calls;
  for (std::uint32_t i = 1; i <= 5; ++i) {
    calls.push_back(leader.execute(up(i)));
    calls.push_back(follower.execute(up(12)));
  }
  for (const auto& call : calls) static_cast<void>(wait_for(call));
  for (const auto& group : groups_) {
    reaches(group, 10);
    EXPECT_EQ(read(group), 75);
  }
}

TEST_F(CrateGroups, execute_many_is_send_sync_via_joinset) {
  auto& leader = add_leader();
  auto& follower = add_follower();
  const std::vector<Counter::Command> two{up(5), up(5)};
  const std::vector<Counter::Command> three{up(5), up(5), up(10)};
  const std::vector<Future<Result<IndexRange>>> calls{leader.execute_many(two), follower.execute_many(two),
                                                      leader.execute_many(two), follower.execute_many(three)};
  std::set<std::uint64_t> places;
  for (const auto& call : calls) {
    const IndexRange range = wait_for(call);
    for (Index at = range.first; at <= range.last; at = at.next()) EXPECT_TRUE(places.insert(at.value).second);
  }
  EXPECT_EQ(places.size(), 9U);
  for (const auto& group : groups_) {
    reaches(group, 9);
    EXPECT_EQ(read(group), 50);
  }
}

TEST_F(CrateGroups, query_is_send_sync_via_joinset) {
  auto& leader = add_leader();
  auto& follower = add_follower();
  static_cast<void>(wait_for(leader.execute(up(30))));
  reaches(follower, 1);
  std::vector<Future<Result<Answered<std::int64_t>>>> calls;
  for (int i = 0; i < 3; ++i)
    for (const auto& group : groups_)
      for (const Consistency consistency : {Consistency::weak, Consistency::strong})
        calls.push_back(group.query({}, consistency));
  ASSERT_EQ(calls.size(), 12U);
  for (const auto& call : calls) EXPECT_EQ(wait_for(call).result, 30);
}

TEST_F(CrateGroups, feed_smoke) {
  auto& leader = add_leader();
  auto& follower = add_follower();
  EXPECT_EQ(wait_for(follower.feed(up(1))), Index{1});
  EXPECT_EQ(wait_for(follower.feed(up(2))), Index{2});
  const std::vector<Counter::Command> batch{up(3), up(4), up(5)};
  EXPECT_EQ(wait_for(follower.feed_many(batch)), (IndexRange{Index{3}, Index{5}}));
  for (const auto* group : {&leader, &follower}) {
    reaches(*group, 5);
    EXPECT_EQ(read(*group), 15);
  }
}

TEST_F(CrateGroups, leader_is_elected) {
  add_leader();
  add_follower();
  add_follower();
  networks_[0].close();
  const PeerId next = converge(1);
  EXPECT_NE(groups_[1].is_leader(), groups_[2].is_leader());
  const std::size_t leads = groups_[1].is_leader() ? 1 : 2;
  EXPECT_EQ(next, networks_[leads].id());
  networks_.push_back(open_node({networks_[1].contact(), networks_[2].contact()}));
  auto& fourth = groups_.emplace_back(join_counter(networks_.back(), 1000));
  static_cast<void>(wait_for(fourth.when().leader_is(next)));
}

TEST_F(CrateGroups, leader_rivals_with_same_log_pos) {
  for (int i = 0; i < 3; ++i) add_rival();
  discover_all();
  static_cast<void>(converge());
}

TEST_F(CrateGroups, leader_rivals_with_different_log_pos) {
  auto& first = add_rival();
  auto& second = add_rival();
  auto& third = add_rival();
  for (std::uint32_t i = 1; i <= 3; ++i) static_cast<void>(wait_for(first.execute(up(i))));
  static_cast<void>(wait_for(second.execute(up(7))));
  discover_all();
  EXPECT_EQ(converge(), networks_[0].id());
  for (const auto* group : {&second, &third}) {
    reaches(*group, 3);
    EXPECT_EQ(read(*group), 6) << "the crate does not compare values here: S4";
  }
}

}  // namespace
}  // namespace mosaik
