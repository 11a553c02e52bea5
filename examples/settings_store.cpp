/// Settings that all members of a group agree on: commands of several kinds, a map, and answers with structure.
///
/// Commands, queries and answers are plain types; their encoding is postcard, which a Rust member reads with serde.

#include <chrono>
#include <iostream>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include <mosaik/mosaik.hpp>

namespace {

struct Set {
  std::string name;
  std::string value;
};
struct Remove {
  std::string name;
};
struct Get {
  std::string name;
};
struct All {};

struct Settings {
  using Command = std::variant<Set, Remove>;  // a Rust enum: the index, then the payload
  using Query = std::variant<Get, All>;
  using QueryResult = std::map<std::string, std::string>;

  static mosaik::Digest signature() { return mosaik::Digest::of("settings_v1"); }

  void apply(const Command& command, const mosaik::ApplyContext&) {
    if (const auto* set = std::get_if<Set>(&command)) values[set->name] = set->value;
    if (const auto* remove = std::get_if<Remove>(&command)) values.erase(remove->name);
  }
  [[nodiscard]] QueryResult query(const Query& query) const {
    const auto* get = std::get_if<Get>(&query);
    if (get == nullptr) return values;
    const auto found = values.find(get->name);
    return found == values.end() ? QueryResult{} : QueryResult{*found};
  }

  std::map<std::string, std::string> values;
};

}  // namespace

int main() {
  auto network = mosaik::Network::open({.network = "example", .listen = {"127.0.0.1:0"}});
  if (!network) {
    std::cerr << network.error().message << '\n';
    return 1;
  }
  // A group of one: it elects itself. Give others this node's contact(), and they take part.
  using namespace std::chrono_literals;
  auto group = network->groups()
                   .with_key(mosaik::GroupKey::random())
                   .with_consensus({.election_timeout = 100ms, .election_timeout_jitter = 50ms, .bootstrap_delay = 0ms})
                   .with_state_machine(Settings{})
                   .join();
  if (!group) {
    std::cerr << group.error().message << '\n';
    return 1;
  }
  static_cast<void>(group->when().leader_elected().get());

  // Several commands in one call stand side by side in the log.
  const std::vector<Settings::Command> commands{Set{"colour", "blue"}, Set{"size", "large"}, Remove{"colour"}};
  const auto places = group->execute_many(commands).get();
  if (!places) {
    std::cerr << places.error().message << '\n';
    return 1;
  }
  std::cout << "places " << places->first << " to " << places->last << '\n';

  // Weak: this member's own state, with all that is committed here. Strong: by the leader, which makes sure that it
  // still is one.
  const auto all = group->query(All{}, mosaik::Consistency::weak).get();
  const auto size = group->query(Get{"size"}, mosaik::Consistency::strong).get();
  if (!all || !size) return 1;
  for (const auto& [name, value] : all->result) std::cout << name << " = " << value << '\n';
  return size->result.at("size") == "large" && all->result.size() == 1 ? 0 : 1;
}
