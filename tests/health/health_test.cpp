// Who is presumed dead, when, and who is not.

#include <gtest/gtest.h>

#include "health/health.hpp"

namespace mosaik::health {
namespace {

class HealthOfPeers : public testing::Test {
 protected:
  [[nodiscard]] Now now() const { return {time_, Boot(time_.time_since_epoch()), Wall{}}; }
  void watch(PeerKind kind) { health_.watch(now(), peer_, kind); }
  void pass(Nanoseconds span) { time_ += span; }
  /// Time passes and every deadline is kept, until `span` is over.
  void run(Nanoseconds span) {
    const Mono end = time_ + span;
    while (health_.next_deadline() <= end) {
      const Mono due = std::max(health_.next_deadline(), time_);
      stuck_ = due == time_ ? stuck_ + 1 : 0;
      ASSERT_LT(stuck_, 100) << "a deadline that is not moved on";
      time_ = due;
      health_.on_timer(now(), facts_);
    }
    time_ = end;
  }
  void life() { health_.on_packet(now(), peer_, facts_); }
  void unreachable() { health_.on_unreachable(now(), peer_, std::nullopt, facts_); }
  void canary_ends(CanaryEnd how) { health_.on_canary_ended(now(), peer_, how, facts_); }
  void probe_refused(Mono sent) { health_.on_unreachable(now(), peer_, sent, facts_); }
  template <class F>
  [[nodiscard]] std::size_t count() const {
    std::size_t out = 0;
    for (const Fact& fact : facts_) out += std::holds_alternative<F>(fact) ? 1U : 0U;
    return out;
  }
  [[nodiscard]] const PresumedDead* verdict() const {
    for (const Fact& fact : facts_)
      if (const auto* dead = std::get_if<PresumedDead>(&fact)) return dead;
    return nullptr;
  }

  const PeerId peer_{Bytes32{1}};
  Mono time_ = Mono(1s);
  Health health_{Config{}};
  std::vector<Fact> facts_;
  int stuck_ = 0;
};

// -- silence

TEST_F(HealthOfPeers, presumes_a_silent_cpp_peer_dead_after_1700_ms) {
  watch(PeerKind::cpp);
  run(849ms);
  EXPECT_TRUE(facts_.empty());
  run(1ms);
  EXPECT_EQ(count<Suspected>(), 1U);
  EXPECT_EQ(count<Probe>(), 1U);
  EXPECT_TRUE(health_.suspects(peer_));
  run(849ms);
  EXPECT_EQ(verdict(), nullptr);
  run(60ms);
  ASSERT_NE(verdict(), nullptr);
  EXPECT_EQ(verdict()->why, Why::silence);
  EXPECT_GE(verdict()->silent_for, 1700ms);
  EXPECT_GE(count<Probe>(), 20U);
}

TEST_F(HealthOfPeers, gives_a_rust_peer_2600_ms) {
  watch(PeerKind::rust);
  run(2599ms);
  EXPECT_EQ(verdict(), nullptr);
  run(60ms);
  ASSERT_NE(verdict(), nullptr);
}

TEST_F(HealthOfPeers, counts_a_packet_of_a_cpp_peer_but_only_frames_of_a_rust_peer) {
  watch(PeerKind::rust);
  for (int i = 0; i < 30; ++i) {
    run(100ms);
    life();
  }
  EXPECT_NE(verdict(), nullptr) << "quinn acknowledges on its own while the process hangs";
  facts_.clear();
  watch(PeerKind::cpp);
  for (int i = 0; i < 30; ++i) {
    run(100ms);
    life();
  }
  EXPECT_TRUE(facts_.empty());
  watch(PeerKind::rust);
  for (int i = 0; i < 30; ++i) {
    run(100ms);
    health_.on_frame(now(), peer_, facts_);
  }
  EXPECT_TRUE(facts_.empty());
}

TEST_F(HealthOfPeers, takes_a_suspicion_back_at_a_sign_of_life) {
  watch(PeerKind::cpp);
  run(1690ms);
  ASSERT_EQ(count<Suspected>(), 1U);
  life();
  EXPECT_EQ(count<Refuted>(), 1U);
  EXPECT_FALSE(health_.suspects(peer_));
  run(840ms);
  EXPECT_EQ(count<Suspected>(), 1U) << "and the silence starts over";
  EXPECT_EQ(verdict(), nullptr);
}

TEST_F(HealthOfPeers, is_silent_about_whom_it_does_not_watch) {
  watch(PeerKind::cpp);
  health_.forget(peer_);
  life();
  unreachable();
  health_.on_hint(now(), peer_, facts_);
  run(10s);
  EXPECT_TRUE(facts_.empty());
  EXPECT_EQ(health_.next_deadline(), never);
  EXPECT_EQ(health_.silent_for(now(), peer_), 0ms);
}

TEST_F(HealthOfPeers, says_a_verdict_once) {
  watch(PeerKind::cpp);
  run(30s);
  EXPECT_EQ(count<PresumedDead>(), 1U);
  EXPECT_EQ(health_.next_deadline(), never);
}

TEST_F(HealthOfPeers, stretches_to_a_slower_heartbeat) {
  health_.set_config(Config::for_heartbeat(2s, 500ms));
  watch(PeerKind::cpp);
  run(2699ms);
  EXPECT_TRUE(facts_.empty());
  run(851ms);
  EXPECT_EQ(verdict(), nullptr);
  run(60ms);
  EXPECT_NE(verdict(), nullptr);
}

TEST(ConfigOfHealth, for_the_default_heartbeat_is_the_default) {
  const Config config = Config::for_heartbeat(500ms, 150ms);
  EXPECT_EQ(config.suspect_after, Config{}.suspect_after);
  EXPECT_EQ(config.cpp_silence, Config{}.cpp_silence);
  EXPECT_EQ(config.rust_silence, Config{}.rust_silence);
}

// -- unreachable

TEST_F(HealthOfPeers, presumes_a_peer_dead_when_three_probes_over_30_ms_were_answered_with_unreachable) {
  watch(PeerKind::cpp);
  unreachable();
  EXPECT_EQ(count<Suspected>(), 1U);
  EXPECT_EQ(count<Probe>(), 1U);
  const Mono first = time_;
  while (verdict() == nullptr && time_ - first < 1s) {
    pass(1ms);
    unreachable();
    run(14ms);
  }
  ASSERT_NE(verdict(), nullptr);
  EXPECT_EQ(verdict()->why, Why::unreachable);
  EXPECT_EQ(count<Probe>(), 3U);
  EXPECT_GE(time_ - first, 30ms);
  EXPECT_LE(time_ - first, 60ms);
}

TEST_F(HealthOfPeers, does_not_count_many_answers_to_one_probe) {
  watch(PeerKind::cpp);
  unreachable();
  for (int i = 0; i < 100; ++i) unreachable();
  run(14ms);
  for (int i = 0; i < 100; ++i) unreachable();
  EXPECT_EQ(verdict(), nullptr);
}

TEST_F(HealthOfPeers, does_not_count_many_answers_to_one_probe_however_late_they_come) {
  Config config;
  config.unreachable_probe_every = 200ms;
  health_.set_config(config);
  watch(PeerKind::cpp);
  unreachable();
  for (int i = 0; i < 9; ++i) {
    unreachable();
    run(20ms);
  }
  EXPECT_EQ(count<Probe>(), 1U);
  EXPECT_EQ(verdict(), nullptr);
}

TEST_F(HealthOfPeers, does_not_judge_by_unreachables_within_less_than_30_ms) {
  Config config;
  config.unreachable_probe_every = 5ms;
  health_.set_config(config);
  watch(PeerKind::cpp);
  unreachable();
  for (int i = 0; i < 5; ++i) {
    unreachable();
    run(5ms);
  }
  EXPECT_EQ(verdict(), nullptr) << "five quotes, but only 25 ms";
  unreachable();
  run(5ms);
  unreachable();
  EXPECT_NE(verdict(), nullptr);
}

TEST_F(HealthOfPeers, begins_anew_when_a_sign_of_life_comes_between_unreachables) {
  watch(PeerKind::cpp);
  unreachable();
  for (int i = 0; i < 2; ++i) {
    unreachable();
    run(15ms);
  }
  life();
  EXPECT_EQ(count<Refuted>(), 1U);
  unreachable();
  unreachable();
  run(15ms);
  EXPECT_EQ(verdict(), nullptr);
}

TEST_F(HealthOfPeers, lets_forged_unreachables_buy_no_more_than_a_probe_every_30_ms) {
  watch(PeerKind::cpp);
  for (int i = 0; i < 1000; ++i) {
    unreachable();
    life();
    pass(1ms);
  }
  EXPECT_LE(count<Probe>(), 34U);
  EXPECT_LE(count<Suspected>(), 34U);
  EXPECT_EQ(verdict(), nullptr);
}

TEST_F(HealthOfPeers, lets_unreachables_speed_up_a_suspicion_of_silence) {
  watch(PeerKind::cpp);
  run(850ms);
  ASSERT_TRUE(health_.suspects(peer_));
  const Mono first = time_;
  while (verdict() == nullptr && time_ - first < 1s) {
    unreachable();
    run(15ms);
  }
  ASSERT_NE(verdict(), nullptr);
  EXPECT_EQ(verdict()->why, Why::unreachable);
  EXPECT_LE(time_ - first, 100ms);
}

TEST_F(HealthOfPeers, still_judges_by_silence_when_unreachables_stop) {
  watch(PeerKind::cpp);
  unreachable();
  unreachable();
  run(1800ms);
  ASSERT_NE(verdict(), nullptr);
  EXPECT_EQ(verdict()->why, Why::silence);
}

// -- canaries

TEST_F(HealthOfPeers, proves_death_by_a_FIN_and_a_port_unreachable_for_a_later_probe) {
  watch(PeerKind::cpp);
  canary_ends(CanaryEnd::finished);
  EXPECT_EQ(count<Suspected>(), 1U);
  EXPECT_EQ(count<Probe>(), 1U) << "at once";
  EXPECT_EQ(count<ProvenDead>(), 0U);
  pass(100us);
  probe_refused(time_ - 100us);
  EXPECT_EQ(count<ProvenDead>(), 1U);
  EXPECT_EQ(health_.next_deadline(), never);
}

TEST_F(HealthOfPeers, proves_nothing_by_a_probe_that_was_sent_before_the_FIN) {
  watch(PeerKind::cpp);
  const Mono before = time_;
  pass(1ms);
  canary_ends(CanaryEnd::finished);
  probe_refused(before);
  EXPECT_EQ(count<ProvenDead>(), 0U);
}

TEST_F(HealthOfPeers, proves_nothing_by_a_packet_that_is_no_probe) {
  watch(PeerKind::cpp);
  canary_ends(CanaryEnd::finished);
  unreachable();
  EXPECT_EQ(count<ProvenDead>(), 0U);
}

TEST_F(HealthOfPeers, proves_nothing_by_a_reset) {
  watch(PeerKind::cpp);
  canary_ends(CanaryEnd::broken);
  EXPECT_EQ(count<Probe>(), 1U);
  probe_refused(time_);
  EXPECT_EQ(count<ProvenDead>(), 0U) << "a firewall that rejects makes both";
}

TEST_F(HealthOfPeers, proves_nothing_without_a_FIN) {
  watch(PeerKind::cpp);
  run(900ms);
  probe_refused(time_);
  EXPECT_EQ(count<ProvenDead>(), 0U);
}

TEST_F(HealthOfPeers, probes_again_after_1_2_and_4_ms_since_UDP_may_be_closed_later_than_TCP) {
  watch(PeerKind::cpp);
  canary_ends(CanaryEnd::finished);
  run(1ms);
  EXPECT_EQ(count<Probe>(), 2U);
  run(2ms);
  EXPECT_EQ(count<Probe>(), 3U);
  run(4ms);
  EXPECT_EQ(count<Probe>(), 4U);
  run(1s);
  EXPECT_LE(count<Probe>(), 45U) << "and then at the probing pace";
}

TEST_F(HealthOfPeers, takes_a_packet_right_behind_the_FIN_for_an_earlier_one) {
  watch(PeerKind::cpp);
  canary_ends(CanaryEnd::finished);
  pass(1ms);
  life();
  EXPECT_EQ(count<Refuted>(), 0U);
  probe_refused(time_);
  EXPECT_EQ(count<ProvenDead>(), 1U);
}

TEST_F(HealthOfPeers, forgets_the_FIN_of_a_process_that_answers) {
  watch(PeerKind::cpp);
  canary_ends(CanaryEnd::finished);
  run(10ms);
  life();
  EXPECT_EQ(count<Refuted>(), 1U);
  probe_refused(time_);
  EXPECT_EQ(count<ProvenDead>(), 0U);
}

// -- hints

TEST_F(HealthOfPeers, answers_a_hint_with_one_probe_and_no_suspicion) {
  watch(PeerKind::cpp);
  health_.on_hint(now(), peer_, facts_);
  EXPECT_EQ(count<Probe>(), 1U);
  EXPECT_EQ(count<Suspected>(), 0U);
}

TEST_F(HealthOfPeers, limits_the_rate_of_hints) {
  watch(PeerKind::cpp);
  for (int i = 0; i < 300; ++i) {
    health_.on_hint(now(), peer_, facts_);
    pass(1ms);
  }
  EXPECT_EQ(count<Probe>(), 10U);
}

// -- ourselves first

TEST_F(HealthOfPeers, does_not_count_the_time_of_our_own_stall) {
  watch(PeerKind::cpp);
  run(100ms);
  pass(10s);
  health_.on_stall(now(), 10s);
  health_.on_timer(now(), facts_);
  EXPECT_TRUE(facts_.empty());
  run(740ms);
  EXPECT_TRUE(facts_.empty());
  run(20ms);
  EXPECT_EQ(count<Suspected>(), 1U);
}

TEST_F(HealthOfPeers, does_not_count_probes_of_before_a_stall_as_unanswered) {
  watch(PeerKind::cpp);
  run(1650ms);
  ASSERT_EQ(count<PresumedDead>(), 0U);
  pass(500ms);
  health_.on_stall(now(), 500ms);
  run(300ms);
  EXPECT_EQ(verdict(), nullptr) << "twenty probes anew, 30 ms each";
  run(400ms);
  EXPECT_NE(verdict(), nullptr);
}

TEST_F(HealthOfPeers, does_not_count_unreachables_of_before_a_stall) {
  watch(PeerKind::cpp);
  unreachable();
  unreachable();
  run(15ms);
  unreachable();
  pass(100ms);
  health_.on_stall(now(), 100ms);
  unreachable();
  EXPECT_EQ(verdict(), nullptr);
  run(15ms);
  unreachable();
  EXPECT_EQ(verdict(), nullptr) << "the first of three that count";
}

TEST_F(HealthOfPeers, takes_a_little_lateness_for_none) {
  watch(PeerKind::cpp);
  run(800ms);
  health_.on_stall(now(), 24ms);
  run(50ms);
  EXPECT_EQ(count<Suspected>(), 1U);
}

}  // namespace
}  // namespace mosaik::health
