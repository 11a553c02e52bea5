#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "api/nodes.hpp"
#include "base/exhausted.hpp"

namespace mosaik {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

std::vector<PeerId> others(const Bonds& bonds) {
  std::vector<PeerId> out;
  for (const Bond& bond : bonds.own()) out.push_back(bond.peer().id());
  return out;
}

TEST(Network, tells_who_and_where_it_is) {
  auto config = on_loopback();
  config.name = "one";
  config.tags = {"blue"};
  const Network network = value_of(Network::open(config));
  const NodeStatus status = network.status();
  EXPECT_EQ(status.id, network.id());
  EXPECT_EQ(status.name, "one");
  EXPECT_EQ(status.network_name, "api-test");
  ASSERT_THAT(status.listening, SizeIs(1));
  EXPECT_NE(status.listening[0].port(), 0);
  EXPECT_EQ(network.addresses(), status.listening);
  EXPECT_EQ(network.contact(), network.id().hex() + "@" + status.listening[0].text());
  const PeerEntry entry = network.entry();
  EXPECT_EQ(entry.id, network.id());
  EXPECT_THAT(entry.tags, ElementsAre(id_of<Tag>("blue")));
  EXPECT_EQ(entry.sockets(), status.listening);
  EXPECT_FALSE(network.signed_entry().empty());
  EXPECT_THAT(network.catalog(), IsEmpty());
}

TEST(Network, tells_what_it_decides_to_those_who_ask) {
  Network one = open_node();
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<TraceRecord> records;
  const Subscription trace = one.trace({.component = "dial"}, [&](const TraceRecord& record) {
    const std::scoped_lock lock(mutex);
    records.push_back(record);
    changed.notify_all();
  });
  const Network two = open_node();
  wait_for(one.sync_with(two.contact()));
  std::unique_lock lock(mutex);
  const auto begun = [&] {
    return std::ranges::any_of(records, [&](const TraceRecord& record) {
      return record.what == "dial_begun" && record.peer == two.id() && record.wall_ms != 0;
    });
  };
  EXPECT_TRUE(changed.wait_for(lock, patience, begun));
  EXPECT_TRUE(std::ranges::all_of(records, [](const TraceRecord& record) { return record.component == "dial"; }));
}

TEST(Network, is_named_after_its_id_by_default) {
  const Network network = open_node();
  EXPECT_EQ(network.status().name, network.id().brief());
}

TEST(Network, has_the_identity_of_its_secret_key) {
  auto config = on_loopback();
  Bytes32 seed{};
  ASSERT_TRUE(from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", seed));
  config.secret_key = seed;
  const Network network = value_of(Network::open(config));
  // RFC 8032, 7.1, test 1.
  EXPECT_EQ(network.id().hex(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
}

TEST(Network, keeps_its_identity_in_a_file_that_no_second_node_may_use) {
  const Folder folder;
  auto config = on_loopback();
  config.secret_key_file = folder / "key";
  PeerId first;
  {
    const Network network = value_of(Network::open(config));
    first = network.id();
    const auto second = Network::open(config);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::in_use);
  }
  EXPECT_EQ(value_of(Network::open(config)).id(), first);
}

TEST(Network, remembers_its_peers_beside_its_key_and_finds_them_again_without_a_bootstrap_peer) {
  const Folder folder;
  NetworkConfig config = on_loopback();
  config.secret_key_file = folder / "key";
  const Network stays = open_node();
  const Group theirs = join(stays);
  {
    config.bootstrap = {stays.contact()};
    const Network first = value_of(Network::open(config));
    const Group ours = join(first);
    static_cast<void>(wait_for(ours.when().bonds_reach(1)));
    EXPECT_TRUE(std::filesystem::exists(config.secret_key_file + ".state"));
  }
  config.bootstrap.clear();
  {
    const Network second = value_of(Network::open(config));
    const Group ours = join(second);
    EXPECT_EQ(wait_for(ours.when().bonds_reach(1)).own().size(), 1U);
  }
  std::ofstream(config.secret_key_file + ".state") << "no state at all";
  const Network third = value_of(Network::open(config));
  ASSERT_FALSE(third.status().notices.empty());
  EXPECT_NE(third.status().notices.front().find(".state"), std::string::npos) << third.status().notices.front();
  config.secret_key_file.clear();
  config.state_file = folder / "missing/state";
  const auto refused = Network::open(config);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("missing/state"), std::string::npos);
}

TEST(Network, refuses_a_port_that_is_taken) {
  const Network network = open_node();
  auto config = on_loopback();
  config.listen = {network.addresses().front().text()};
  const auto second = Network::open(config);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::in_use);
  EXPECT_THAT(second.error().message, HasSubstr(config.listen.front()));
}

TEST(Network, refuses_a_bad_setting_before_it_opens_anything) {
  auto config = on_loopback({"192.0.2.7:70000"});
  const auto network = Network::open(config);
  ASSERT_FALSE(network);
  EXPECT_EQ(network.error().code, Errc::invalid_argument);
}

TEST(Network, pings_a_node_by_its_contact) {
  const Network one = open_node();
  Network two = open_node();
  EXPECT_GT(wait_for(two.ping(one.contact())).count(), 0);
}

TEST(Network, syncs_catalogs_with_a_node_by_its_contact) {
  const Network one = open_node();
  Network two = open_node();
  wait_for(two.sync_with(one.contact()));
  const auto catalog = two.catalog();
  ASSERT_THAT(catalog, SizeIs(1));
  EXPECT_EQ(catalog[0], one.entry());
}

TEST(Network, says_why_it_cannot_ask) {
  Network network = open_node();
  const auto bad = network.ping("192.0.2.7:4433").get_for(patience);
  ASSERT_TRUE(bad && !*bad);
  EXPECT_THAT(bad->error().message, HasSubstr("has no peer id"));
  const auto unknown = network.sync_with(network.id().hex() + "@no such host.invalid:1").get_for(patience);
  ASSERT_TRUE(unknown && !*unknown);
}

TEST(Network, answers_every_question_when_it_is_closed) {
  const Network silent = open_node();
  Network network = open_node();
  const auto asked = network.ping(silent.id().hex() + "@127.0.0.1:9");  // nobody is there
  network.close();
  const auto answer = asked.get_for(patience);
  ASSERT_TRUE(answer);
  ASSERT_FALSE(*answer);
  const auto late = network.ping(silent.contact()).get_for(patience);
  ASSERT_TRUE(late && !*late);
  EXPECT_EQ(late->error().code, Errc::closed);
  const auto group = network.groups().with_key(GroupKey::from_secret("x")).join();
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error().code, Errc::closed);
  EXPECT_TRUE(network.ended().ready());
}

TEST(Network, may_be_closed_twice_and_by_its_own_callback) {
  Network network = open_node();
  std::promise<void> closed;
  network.sync_with("nonsense").then([&](const Result<>&) {});
  auto subscription = network.subscribe([&](const Event& event) {
    if (event.kind != EventKind::joined) return;
    network.close();
    closed.set_value();
  });
  // The join may be told of the end already.
  const auto group = network.groups().with_key(GroupKey::from_secret("test secret")).join();
  ASSERT_EQ(closed.get_future().wait_for(patience), std::future_status::ready);
  network.close();
}

TEST(Network, two_nodes_bond_and_see_the_same_mesh) {
  const Network one = open_node();
  const Network two = open_node({one.contact()});
  const Group in_one = join(one);
  const Group in_two = join(two);
  ASSERT_EQ(in_one.id(), in_two.id());
  const Bonds seen_by_one = wait_for(in_one.when().bonds_reach(1));
  const Bonds seen_by_two = wait_for(in_two.when().bonds_reach(1));
  ASSERT_THAT(others(seen_by_one), ElementsAre(two.id()));
  ASSERT_THAT(others(seen_by_two), ElementsAre(one.id()));
  const Bond* const bond = seen_by_one.between(two.id(), one.id());
  const Bond* const same = seen_by_two.between(one.id(), two.id());
  ASSERT_TRUE(bond != nullptr && same != nullptr);
  EXPECT_EQ(bond->id(), same->id());
  EXPECT_EQ(bond->session(), same->session());
  EXPECT_NE(bond->own().opened_by_us, same->own().opened_by_us);
  EXPECT_EQ(bond->peer().entry().id, two.id());
  wait_for(in_one.when().online());
  wait_for(in_two.when().online());
  EXPECT_EQ(in_one.status().health, Health::healthy);
}

TEST(Network, three_nodes_know_the_whole_mesh) {
  const Network one = open_node();
  const Network two = open_node({one.contact()});
  const Network three = open_node({one.contact()});
  std::vector<Group> groups;
  for (const Network* network : {&one, &two, &three}) groups.push_back(join(*network));
  for (const Group& group : groups) {
    wait_for(group.when().bonds_reach(2));
    Bonds mesh = group.bonds();
    while (mesh.size() < 3) {
      const auto next = group.when().bonds();
      mesh = group.bonds();  // what came between the two looks
      if (mesh.size() < 3) mesh = wait_for(next);
    }
    EXPECT_THAT(mesh, SizeIs(3));
    EXPECT_THAT(mesh.own(), SizeIs(2));
    EXPECT_NE(mesh.between(two.id(), three.id()), nullptr);
  }
}

TEST(Network, a_member_that_leaves_is_gone_for_the_others) {
  const Network one = open_node();
  const Network two = open_node({one.contact()});
  const Group in_one = join(one);
  Group in_two = join(two);
  wait_for(in_one.when().bonded_with(two.id()));
  const auto gone = in_one.when().unbonded_from(two.id());
  wait_for(in_two.leave());
  wait_for(gone);
  EXPECT_THAT(in_one.bonds(), IsEmpty());
  EXPECT_THAT(in_two.bonds(), IsEmpty());
}

TEST(Network, destroying_it_leaves_its_groups_within_a_second) {
  const Network one = open_node();
  const Group in_one = join(one);
  std::optional<Network> two = open_node({one.contact()});
  const PeerId id = two->id();
  const Group in_two = join(*two);
  wait_for(in_one.when().bonded_with(id));
  wait_for(in_two.when().bonded_with(one.id()));  // an end that has no bond yet has nothing to say goodbye to
  const auto gone = in_one.when().unbonded_from(id);
  Events events(one);
  const auto before = std::chrono::steady_clock::now();
  two.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
  wait_for(gone);
  EXPECT_EQ(events.wait_for(EventKind::bond_down).by, "departure");  // told, not noticed
  EXPECT_EQ(in_two.when().online().get().error().code, Errc::closed);
}

TEST(Network, waits_end_when_the_group_is_left) {
  const Network network = open_node();
  Group group = join(network);
  const auto never_comes = group.when().online();
  const auto nor_this = group.when().bonds();
  wait_for(group.leave());
  for (const auto& future : {never_comes, nor_this, group.when().online()}) {
    const auto answer = future.get_for(patience);
    ASSERT_TRUE(answer && !*answer);
    EXPECT_EQ(answer->error().code, Errc::closed);
  }
  EXPECT_TRUE(group.leave().ready());
}

TEST(Network, joins_a_group_once_and_again_after_leaving) {
  const Network network = open_node();
  Group group = join(network);
  const auto second = network.groups().with_key(GroupKey::from_secret("test secret")).join();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::in_use);
  wait_for(group.leave());
  const Group again = join(network);
  EXPECT_EQ(again.id(), group.id());
}

TEST(Network, several_groups_are_meshes_of_their_own) {
  const Network one = open_node();
  const Network two = open_node({one.contact()});
  const Group red_one = join(one, "red");
  const Group blue_one = join(one, "blue");
  const Group red_two = join(two, "red");
  ASSERT_NE(red_one.id(), blue_one.id());
  wait_for(red_one.when().bonded_with(two.id()));
  EXPECT_THAT(blue_one.bonds(), IsEmpty());
  const Group blue_two = join(two, "blue");
  wait_for(blue_one.when().bonded_with(two.id()));
  const Bond* const red = red_one.bonds().between(one.id(), two.id());
  const Bond* const blue = blue_one.bonds().between(one.id(), two.id());
  ASSERT_TRUE(red != nullptr && blue != nullptr);
  EXPECT_NE(red->id(), blue->id());
  EXPECT_THAT(one.status().groups, SizeIs(2));
}

TEST(Network, nodes_with_other_secrets_do_not_bond) {
  const Network one = open_node();
  Network two = open_node({one.contact()});
  const Group in_one = join(one, "ours");
  const Group in_two = join(two, "theirs");
  wait_for(two.sync_with(one.contact()));
  EXPECT_NE(in_one.id(), in_two.id());
  EXPECT_THAT(in_one.bonds(), IsEmpty());
  EXPECT_THAT(in_two.bonds(), IsEmpty());
}

TEST(Network, events_come_in_order_and_show_in_the_snapshot) {
  const Network one = open_node();
  Events events(one);
  const Promise<std::size_t> seen;  // takes the first value only
  std::optional<Group> in_one = join(one);
  const auto check = one.subscribe([&](const Event& event) {
    if (event.kind == EventKind::bonds_changed) seen.set(in_one->bonds().size());
  });
  std::optional<Network> two = open_node({one.contact()});
  std::optional<Group> in_two = join(*two);
  const Event up = events.wait_for(EventKind::bond_up);
  EXPECT_EQ(up.peer, two->id());
  EXPECT_EQ(up.group, in_one->id());
  EXPECT_EQ(up.bond, wait_for(in_one->when().bonded_with(two->id())).between(one.id(), two->id())->id());
  // The first change was the new bond, and its callback saw it; only then may the bond go.
  EXPECT_EQ(seen.future().get_for(patience), 1U);
  in_two.reset();
  events.wait_for(EventKind::bond_down);
  std::uint64_t last = 0;
  for (const Event& event : events.all()) {
    EXPECT_GT(event.sequence, last);
    last = event.sequence;
  }
}

/// Whether `check` holds in a child of this process, which ends by exit() as a failed exec's would.
template <class F>
bool holds_in_child(F check) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    const int code = check() ? 0 : 1;
    if (test::sanitized) ::_exit(code);
    std::exit(code);  // runs destructors of statics
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Network, is_closed_in_a_child_of_fork_and_goes_on_in_the_parent) {
  static std::optional<Network> network;
  network.emplace(test::value_of(Network::open(test::on_loopback())));
  std::optional<Group> group(test::join(*network));
  const auto before = network->subscribe([](const Event&) {});
  EXPECT_TRUE(holds_in_child([&] {
    const auto is_closed = [](const auto& future) {
      const auto result = future.get_for(10s);
      return result && !*result && result->error().code == Errc::closed;
    };
    bool good = is_closed(network->ping(network->contact())) && is_closed(group->when().bonds_reach(1));
    const auto joined = network->groups().with_key(GroupKey::from_secret("another")).join();
    good = good && !joined && joined.error().code == Errc::closed;
    good = good && network->status().id == network->id() && network->ended().get_for(10s);
    const auto heard = network->subscribe([](const Event&) {});
    group.reset();
    network->close();
    return good;
  }));
  const Network other = test::open_node({network->contact()});
  const Group others = test::join(other);
  EXPECT_TRUE(others.when().bonded_with(network->id()).get_for(test::patience));
  group.reset();
  network.reset();
}

TEST(Network, completes_futures_on_the_users_executor_and_on_its_own_thread) {
  const Network one = open_node();
  const Network two = open_node({one.contact()});
  const Group in_one = join(one);
  const Group in_two = join(two);
  std::promise<std::function<void()>> handed_over;
  const auto counted =
      in_one.when().bonds_reach(1).then([&](std::function<void()> task) { handed_over.set_value(std::move(task)); },
                                        [](const Result<Bonds>& bonds) { return bonds.value().size(); });
  handed_over.get_future().get()();
  EXPECT_EQ(counted.get_for(patience), 1U);
}

TEST(Network, may_be_used_from_many_threads_at_once) {
  const Network one = open_node();
  const Network two = open_node({one.contact()});
  const Group in_one = join(one);
  std::atomic<bool> over = false;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&] {
      while (!over) {
        EXPECT_EQ(one.status().id, one.id());
        EXPECT_LE(in_one.bonds().size(), 1U);
        EXPECT_LE(one.catalog().size(), 1U);
        const auto subscription = one.subscribe([](const Event&) {});
      }
    });
  for (int turn = 0; turn < 3; ++turn) {
    Group in_two = join(two, "test secret");
    wait_for(in_one.when().bonded_with(two.id()));
    wait_for(in_two.leave());
    wait_for(in_one.when().unbonded_from(two.id()));
  }
  over = true;
}

TEST(Version, names_the_libraries_that_were_built_in) {
  const std::string text = library_versions();
  for (const char* const library : {"ngtcp2 ", "GnuTLS ", "libsodium ", "c-ares "})
    EXPECT_THAT(text, HasSubstr(library));
  EXPECT_THAT(text, Not(HasSubstr("Boost"))) << "only mosaik::control needs it";
}

}  // namespace
}  // namespace mosaik
