/// Three members count together; the one that leads goes away, and the count goes on.
///
/// In real life each Network is a process of its own. A machine is any copyable type that says what its commands are;
/// every member applies the same ones in the same order.

#include <algorithm>
#include <chrono>
#include <iostream>
#include <vector>

#include <mosaik/mosaik.hpp>

namespace {

using namespace std::chrono_literals;

struct Counter {
  struct Add {
    std::int32_t n = 0;
  };
  using Command = Add;
  using Query = std::monostate;
  using QueryResult = std::int64_t;

  static mosaik::Digest signature() { return mosaik::Digest::of("counter_v1"); }
  void apply(const Command& add, const mosaik::ApplyContext&) { value += add.n; }
  [[nodiscard]] QueryResult query(const Query&) const { return value; }

  std::int64_t value = 0;
};

struct Member {
  mosaik::Network network;
  mosaik::GroupOf<Counter> group;
};

mosaik::Result<Member> open_member(const mosaik::GroupKey& key, std::vector<std::string> bootstrap) {
  auto network =
      mosaik::Network::open({.network = "example", .bootstrap = std::move(bootstrap), .listen = {"127.0.0.1:0"}});
  if (!network) return std::unexpected(network.error());
  // Short times for a short example: the defaults suit a group on several hosts.
  auto group =
      network->groups()
          .with_key(key)
          .with_consensus({.election_timeout = 500ms, .election_timeout_jitter = 200ms, .bootstrap_delay = 0ms})
          .with_state_machine(Counter{})
          .join();
  if (!group) return std::unexpected(group.error());
  return Member{std::move(*network), std::move(*group)};
}

/// The value of what was waited for, or the end of this program with the reason.
template <class T>
T value_of(const mosaik::Future<mosaik::Result<T>>& future) {
  auto result = future.get();
  if (result) return *result;
  std::cerr << to_string(result.error().code) << ": " << result.error().message << '\n';
  std::exit(1);
}

}  // namespace

int main() {
  const auto key = mosaik::GroupKey::random();
  std::vector<Member> members;
  for (int i = 0; i < 3; ++i) {
    auto member = open_member(key, i == 0 ? std::vector<std::string>{} : std::vector{members[0].network.contact()});
    if (!member) {
      std::cerr << member.error().message << '\n';
      return 1;
    }
    members.push_back(std::move(*member));
  }
  for (const Member& member : members) static_cast<void>(value_of(member.group.when().online()));

  // Any member may call: the command goes to the leader, and the future completes when it is agreed on.
  for (const Member& member : members) {
    const mosaik::Index place = value_of(member.group.execute({2}));
    std::cout << "added 2 at place " << place << '\n';
  }

  // The leader leaves. What was committed stays; the others agree on another one.
  const auto leader = std::ranges::find_if(members, [](const Member& member) { return member.group.is_leader(); });
  if (leader == members.end()) return 1;
  members.erase(leader);
  std::cout << "the leader is gone, " << members.size() << " members remain\n";

  // A call ends with what is known. Of all errors but unknown_outcome it is certain that nothing was applied: try
  // again.
  for (int tries = 0; tries < 20; ++tries) {
    const auto added = members[0].group.execute({4}).get();
    if (added) break;
    std::cerr << "not yet: " << added.error().message << '\n';
    if (added.error().code == mosaik::Errc::unknown_outcome) return 1;
    static_cast<void>(members[0].group.when().leader_elected().get_for(5s));
  }
  const auto answer = value_of(members[1].group.query({}, mosaik::Consistency::strong));
  std::cout << "the counter is " << answer.result << " after " << answer.position << " commands\n";
  return answer.result == 10 ? 0 : 1;
}
