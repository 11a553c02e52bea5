// The trace port: who hears of a decision, and what it costs when nobody does.

#include "base/trace.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace mosaik {
namespace {

using testing::ElementsAre;

struct Listener final : TracePort {
  void on_decision(const Now& now, const Decision& decision) override {
    told.push_back(std::string(decision.what) + " " + std::string(decision.reason));
    groups.push_back(decision.group);
    times.push_back(now.mono);
  }
  std::vector<std::string> told;
  std::vector<GroupId> groups;
  std::vector<Mono> times;
};

Decision refused() {
  return {.component = "dial", .what = "dial_refused", .reason = "hearsay"};
}

TEST(Trace, MakesNothingWhenNobodyListens) {
  int made = 0;
  const auto make = [&] {
    ++made;
    return refused();
  };
  trace(make);
  const Now now{.mono = Mono(1s), .boot = {}, .wall = {}};
  const TraceScope scope(nullptr, now);
  trace(make);
  EXPECT_EQ(made, 0);
}

TEST(Trace, TellsThePortOfTheScopeWhenAndForWhichGroup) {
  Listener listener;
  const Now now{.mono = Mono(1s), .boot = {}, .wall = {}};
  const auto group = id_of<GroupId>(std::string(64, '7'));
  {
    const TraceScope scope(&listener, now);
    trace(refused);
    const TraceGroup traced(group);
    trace(refused);
  }
  trace(refused);
  EXPECT_THAT(listener.told, ElementsAre("dial_refused hearsay", "dial_refused hearsay"));
  EXPECT_THAT(listener.groups, ElementsAre(GroupId{}, group));
  EXPECT_THAT(listener.times, ElementsAre(Mono(1s), Mono(1s)));
}

TEST(Trace, AnInnerScopeEndsBeforeTheOuterOne) {
  Listener outer;
  Listener inner;
  const Now now{};
  const TraceScope first(&outer, now);
  {
    const TraceScope second(&inner, now);
    trace(refused);
  }
  trace(refused);
  EXPECT_EQ(outer.told.size(), 1U);
  EXPECT_EQ(inner.told.size(), 1U);
}

}  // namespace
}  // namespace mosaik
