#pragma once
/// The crate's test machine (docs/protocol/groups.md 10): a wrapping counter.

#include <mosaik/mosaik.hpp>

namespace mosaik::test {

struct Counter {
  struct Increment {
    std::uint32_t by = 0;
  };
  struct Decrement {
    std::uint32_t by = 0;
  };
  using Command = std::variant<Increment, Decrement>;
  using Query = std::monostate;
  using QueryResult = std::int64_t;

  static Digest signature() { return Digest::of("test_counter_v1"); }
  static constexpr std::string_view rust_type = "tests::Counter";

  void apply(const Command& command, const ApplyContext&) {
    if (const auto* up = std::get_if<Increment>(&command)) value += up->by;
    if (const auto* down = std::get_if<Decrement>(&command)) value -= down->by;
  }
  [[nodiscard]] QueryResult query(const Query&) const { return value; }

  std::int64_t value = 0;
};

inline Counter::Command up(std::uint32_t by) {
  return Counter::Increment{by};
}
inline Counter::Command down(std::uint32_t by) {
  return Counter::Decrement{by};
}

/// Quick elections, so that tests are; the heartbeats enter the GroupId, elections do not.
inline ConsensusConfig quick() {
  ConsensusConfig out;
  out.heartbeat_interval = std::chrono::milliseconds(100);
  out.heartbeat_jitter = std::chrono::milliseconds(30);
  out.election_timeout = std::chrono::milliseconds(300);
  out.election_timeout_jitter = std::chrono::milliseconds(100);
  out.bootstrap_delay = std::chrono::milliseconds(200);
  return out;
}

/// Joins with what `prepare` asks of the builder besides.
template <class M, class Prepare>
GroupOf<M> replicate_with(const Network& network, M machine, const Prepare& prepare,
                          std::string_view secret = "test secret") {
  auto builder = network.groups().with_key(GroupKey::from_secret(secret)).with_state_machine(std::move(machine));
  builder.with_consensus(quick());
  prepare(builder);
  auto joined = builder.join();
  if (!joined) throw std::runtime_error(joined.error().message);
  return std::move(*joined);
}

template <class M>
GroupOf<M> replicate(const Network& network, M machine, std::string_view secret = "test secret") {
  return replicate_with(network, std::move(machine), [](auto&) {}, secret);
}

}  // namespace mosaik::test
