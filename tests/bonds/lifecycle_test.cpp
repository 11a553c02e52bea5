// The states of a member, and the arrows between them.

#include <gtest/gtest.h>

#include "bonds/lifecycle.hpp"
#include "identity/ranked_seeds.hpp"

namespace mosaik::test {
namespace {

using bonds::DesiredState;
using bonds::Lifecycle;
using bonds::Phase;

constexpr Now now{.mono = Mono(1s), .boot = Boot(1s), .wall = Wall{1}};

identity::EntryRef entry() {
  return identity::Self(crypto::SecretKey::from_seed(ranked_seeds().at(0)), {}, Wall{1}).entry();
}

bonds::IncomingHandshake incoming(LinkId link) {
  bonds::IncomingHandshake out;
  out.link = link;
  return out;
}

bonds::LiveBond live_bond(LinkId link) {
  const TokenBucket bucket(1, 1, now.mono);
  return {.link = link,
          .session = {},
          .entry = entry(),
          .heartbeat = bonds::Heartbeat({}, now),
          .pings = bucket,
          .entries = bucket,
          .extensions = bucket,
          .capabilities = {}};
}

TEST(Lifecycle, our_own_attempt__goes_from_known_to_bonded_to_lost) {
  Lifecycle life;
  EXPECT_EQ(life.phase(), Phase::known);
  life.begin_dial({1}, now.mono + 1s);
  EXPECT_EQ(life.phase(), Phase::dialing);
  life.adopt({2});
  life.begin_handshake(now, entry());
  EXPECT_EQ(life.phase(), Phase::handshaking);
  EXPECT_EQ(life.attempt()->link, LinkId{2});
  life.form_bond(live_bond({2}));
  EXPECT_EQ(life.phase(), Phase::bonded);
  life.check_invariants();
  EXPECT_EQ(life.end_bond().link, LinkId{2});
  EXPECT_EQ(life.phase(), Phase::lost);
}

TEST(Lifecycle, a_failed_attempt__gives_back_what_it_has_held) {
  Lifecycle life;
  life.begin_dial({1}, now.mono + 1s);
  life.begin_handshake(now, entry());
  for (std::uint64_t i = 0; i < limits::held_handshakes; ++i) EXPECT_TRUE(life.hold(incoming({i + 2})));
  EXPECT_FALSE(life.hold(incoming({99})));
  life.drop_held({2});
  EXPECT_EQ(life.end_attempt().size(), limits::held_handshakes - 1);
  EXPECT_EQ(life.phase(), Phase::known);
}

TEST(Lifecycle, a_member_that_left__is_dialed_only_when_it_is_back) {
  Lifecycle life;
  life.recall();
  life.desire(DesiredState::departed);
  EXPECT_EQ(life.phase(), Phase::departed);
  EXPECT_FALSE(life.may_be_dialed());
  life.desire(DesiredState::wanted);
  EXPECT_EQ(life.phase(), Phase::lost);
  EXPECT_TRUE(life.may_be_dialed());
}

TEST(LifecycleDeath, arrows_that_do_not_exist__end_the_process) {
  Lifecycle departed;
  departed.desire(DesiredState::departed);
  EXPECT_DEATH(departed.begin_dial({1}, now.mono + 1s), "broken invariant");
  Lifecycle dialing;
  dialing.begin_dial({1}, now.mono + 1s);
  EXPECT_DEATH(dialing.form_bond(live_bond({1})), "broken invariant");
  EXPECT_DEATH(dialing.begin_sync(), "broken invariant");
  Lifecycle bonded;
  bonded.form_bond(live_bond({1}));
  EXPECT_DEATH(bonded.form_bond(live_bond({2})), "broken invariant");
  EXPECT_DEATH(bonded.desire(DesiredState::stranger), "broken invariant");
  Lifecycle holding;
  holding.begin_dial({1}, now.mono + 1s);
  holding.begin_handshake(now, entry());
  EXPECT_TRUE(holding.hold(incoming({2})));
  EXPECT_DEATH(holding.form_bond(live_bond({1})), "broken invariant");
}

}  // namespace
}  // namespace mosaik::test
