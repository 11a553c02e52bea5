// Who is presumed dead, when, and who is not.

#include <gtest/gtest.h>

#include "detector/failure_detector.hpp"

namespace mosaik::detector {
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
      tell_state(count<Probe>() - answered_);
      health_.on_timer(now(), events_);
      health_.check_invariants();
    }
    time_ = end;
  }
  void life() {
    health_.on_packet(now(), peer_, events_);
    health_.check_invariants();
    answered_ = count<Probe>();
  }
  void tell_state(std::size_t unanswered) { health_.on_link_state(peer_, {.unanswered = unanswered, .rtt = rtt_}); }
  /// A heartbeat's Ping goes out.
  void ask() { health_.on_asked(now(), peer_, rtt_); }
  void unreachable() { health_.on_unreachable(now(), peer_, std::nullopt, events_); }
  void sentinel_finishes() { health_.on_sentinel_finished(now(), peer_, events_); }
  void sentinel_breaks() { health_.on_sentinel_broken(now(), peer_, events_); }
  void probe_refused(Mono sent) { health_.on_unreachable(now(), peer_, sent, events_); }
  template <class F>
  [[nodiscard]] std::size_t count() const {
    std::size_t out = 0;
    for (const DetectorEvent& fact : events_) out += std::holds_alternative<F>(fact) ? 1U : 0U;
    return out;
  }
  [[nodiscard]] const PresumedDead* verdict() const {
    for (const DetectorEvent& fact : events_)
      if (const auto* dead = std::get_if<PresumedDead>(&fact)) return dead;
    return nullptr;
  }

  const PeerId peer_{Bytes32{1}};
  Mono time_ = Mono(1s);
  Nanoseconds rtt_ = 0ms;
  FailureDetector health_{Config{}};
  std::vector<DetectorEvent> events_;
  std::size_t answered_ = 0;
  int stuck_ = 0;
};

// -- silence

TEST_F(HealthOfPeers, presumes_a_silent_cpp_peer_dead_within_500_ms) {
  watch(PeerKind::cpp);
  run(159ms);
  EXPECT_TRUE(events_.empty());
  run(1ms);
  EXPECT_EQ(count<Probe>(), 1U) << "a look";
  run(59ms);
  EXPECT_EQ(count<Probe>(), 1U);
  run(1ms);
  EXPECT_EQ(count<Probe>(), 2U) << "unanswered: probes at a fixed pace";
  EXPECT_EQ(count<Suspected>(), 0U) << "which are nobody else's business";
  run(56ms);
  EXPECT_EQ(count<Suspected>(), 1U) << "until eight of them stay unanswered";
  run(150ms);
  EXPECT_EQ(verdict(), nullptr);
  run(20ms);
  ASSERT_NE(verdict(), nullptr);
  EXPECT_EQ(verdict()->why, Why::silence);
  EXPECT_GE(verdict()->silent_for, 430ms);
  EXPECT_LE(verdict()->silent_for, 450ms);
  EXPECT_GE(count<Probe>(), 30U);
}

TEST_F(HealthOfPeers, presumes_a_silent_rust_peer_dead_within_2_s) {
  watch(PeerKind::rust);
  run(400ms);
  ask();
  run(1449ms);
  EXPECT_EQ(verdict(), nullptr);
  run(60ms);
  ASSERT_NE(verdict(), nullptr);
  EXPECT_LE(verdict()->silent_for, 1900ms);
  EXPECT_GE(count<Probe>(), 30U);
}

TEST_F(HealthOfPeers, does_not_judge_before_30_tries_went_out_and_unanswered) {
  watch(PeerKind::cpp);
  for (int i = 0; i < 1000; ++i) {
    time_ = health_.next_deadline();
    health_.on_timer(now(), events_);
    tell_state(12);  // a full congestion window lets no more of them go
  }
  EXPECT_EQ(verdict(), nullptr);
  tell_state(30);
  time_ = health_.next_deadline();
  health_.on_timer(now(), events_);
  EXPECT_NE(verdict(), nullptr);
}

TEST_F(HealthOfPeers, gives_a_far_peer_two_round_trips_more) {
  watch(PeerKind::cpp);
  rtt_ = 100ms;
  ask();
  run(259ms);
  EXPECT_EQ(count<Probe>(), 0U);
  run(1ms);
  EXPECT_EQ(count<Probe>(), 1U);
  run(369ms);
  EXPECT_EQ(verdict(), nullptr);
  run(20ms);
  EXPECT_NE(verdict(), nullptr);
}

TEST_F(HealthOfPeers, looks_only_at_the_next_in_the_ring_of_ids) {
  FailureDetector health(Config{}, PeerId{Bytes32{3}});
  for (const PeerId& id : {PeerId{Bytes32{1}}, PeerId{Bytes32{2}}, PeerId{Bytes32{4}}, PeerId{Bytes32{5}}})
    health.watch(now(), id, PeerKind::cpp);
  pass(160ms);
  health.on_timer(now(), events_);
  ASSERT_EQ(count<Probe>(), 1U);
  EXPECT_EQ(std::get<Probe>(events_.front()).peer, PeerId{Bytes32{4}});
  health.forget(PeerId{Bytes32{4}});
  health.forget(PeerId{Bytes32{5}});
  health.watch(now(), PeerId{Bytes32{0}}, PeerKind::cpp);
  events_.clear();
  pass(160ms);
  health.on_timer(now(), events_);
  ASSERT_EQ(count<Probe>(), 1U);
  EXPECT_EQ(std::get<Probe>(events_.front()).peer, PeerId{Bytes32{0}}) << "behind the last comes the first";
}

TEST_F(HealthOfPeers, probes_a_peer_at_once_that_another_member_doubts) {
  watch(PeerKind::cpp);
  health_.on_doubt(now(), peer_, events_);
  EXPECT_EQ(count<Probe>(), 1U);
  EXPECT_EQ(count<Suspected>(), 0U);
  run(10ms);
  life();
  EXPECT_EQ(count<Refuted>(), 0U) << "nobody had heard of it";
  run(100ms);
  EXPECT_LE(count<Probe>(), 2U);
}

TEST_F(HealthOfPeers, suspects_no_far_peer_on_anothers_doubt_before_it_can_have_answered) {
  watch(PeerKind::cpp);
  rtt_ = 100ms;
  tell_state(0);
  run(100ms);
  health_.on_doubt(now(), peer_, events_);
  run(130ms);
  EXPECT_GT(count<Probe>(), 8U);
  EXPECT_EQ(count<Suspected>(), 0U) << "the answer to the first of them is on its way";
  life();
  EXPECT_EQ(count<Refuted>(), 0U);
}

TEST_F(HealthOfPeers, suspects_a_far_peer_that_stays_silent_on_anothers_doubt) {
  watch(PeerKind::cpp);
  rtt_ = 100ms;
  tell_state(0);
  run(100ms);
  health_.on_doubt(now(), peer_, events_);
  run(259ms);
  EXPECT_EQ(count<Suspected>(), 0U);
  run(10ms);
  EXPECT_EQ(count<Suspected>(), 1U) << "60 ms and two round trips after the first question";
  run(261ms);
  EXPECT_EQ(verdict(), nullptr);
  run(10ms);
  ASSERT_NE(verdict(), nullptr);
  EXPECT_LE(verdict()->silent_for, 640ms);
}

TEST_F(HealthOfPeers, gives_a_look_the_round_trips_of_a_link_that_no_heartbeat_has_asked_over) {
  watch(PeerKind::cpp);
  rtt_ = 100ms;
  run(160ms);
  ASSERT_EQ(count<Probe>(), 1U) << "a look";
  tell_state(1);
  run(259ms);
  EXPECT_EQ(count<Probe>(), 1U);
  run(1ms);
  EXPECT_EQ(count<Probe>(), 2U);
}

TEST_F(HealthOfPeers, presumes_no_far_peer_dead_that_can_not_have_answered_yet) {
  Config config;
  config.look_after = 10s;
  health_.set_config(config);
  watch(PeerKind::cpp);
  rtt_ = 300ms;
  tell_state(0);
  run(850ms);
  ASSERT_EQ(count<Probe>(), 1U) << "silent for so long without any question";
  run(659ms);
  EXPECT_EQ(verdict(), nullptr) << "more than thirty tries, and silent for longer than 430 ms and two round trips";
  EXPECT_EQ(count<Suspected>(), 0U);
  run(10ms);
  EXPECT_EQ(count<Suspected>(), 1U);
  run(670ms);
  EXPECT_NE(verdict(), nullptr);
}

TEST_F(HealthOfPeers, hears_those_out_whom_it_has_asked_about_a_far_peer) {
  watch(PeerKind::cpp);
  rtt_ = 200ms;
  ask();
  run(520ms);
  ASSERT_EQ(count<Suspected>(), 1U);
  run(440ms);
  EXPECT_EQ(verdict(), nullptr) << "silent for long enough, but a member may answer within two round trips";
  health_.on_vouched(now(), peer_);
  run(20ms);
  EXPECT_EQ(count<LinkDown>(), 1U);
  EXPECT_EQ(verdict(), nullptr);
}

TEST_F(HealthOfPeers, tells_the_next_sign_of_life_of_a_peer_that_was_asked_about) {
  watch(PeerKind::cpp);
  health_.report_life(peer_);
  life();
  life();
  EXPECT_EQ(count<Heard>(), 1U);
}

TEST_F(HealthOfPeers, calls_a_link_down_when_another_member_hears_the_peer) {
  watch(PeerKind::cpp);
  run(300ms);
  ASSERT_EQ(count<Suspected>(), 1U);
  health_.on_vouched(now(), peer_);
  run(300ms);
  EXPECT_EQ(verdict(), nullptr);
  EXPECT_EQ(count<LinkDown>(), 1U);
  EXPECT_EQ(health_.next_deadline(), never);
}

TEST_F(HealthOfPeers, forgets_what_another_member_said_once_it_hears_the_peer_itself) {
  watch(PeerKind::cpp);
  run(300ms);
  health_.on_vouched(now(), peer_);
  life();
  run(600ms);
  EXPECT_NE(verdict(), nullptr);
  EXPECT_EQ(count<LinkDown>(), 0U);
}

TEST_F(HealthOfPeers, gives_more_time_to_a_peer_that_was_late_and_alive) {
  watch(PeerKind::cpp);
  run(420ms);
  ASSERT_EQ(count<Suspected>(), 1U);
  life();
  EXPECT_EQ(count<Refuted>(), 1U);
  run(600ms);
  EXPECT_EQ(verdict(), nullptr) << "half as long again as it was silent before";
  run(60ms);
  EXPECT_NE(verdict(), nullptr);
}

TEST_F(HealthOfPeers, counts_a_packet_of_a_cpp_peer_but_only_frames_of_a_rust_peer) {
  watch(PeerKind::rust);
  for (int i = 0; i < 30; ++i) {
    run(100ms);
    life();
  }
  EXPECT_NE(verdict(), nullptr) << "quinn acknowledges on its own while the process hangs";
  events_.clear();
  watch(PeerKind::cpp);
  for (int i = 0; i < 30; ++i) {
    run(100ms);
    life();
  }
  EXPECT_TRUE(events_.empty());
  watch(PeerKind::rust);
  for (int i = 0; i < 30; ++i) {
    run(100ms);
    health_.on_frame(now(), peer_, events_);
  }
  EXPECT_TRUE(events_.empty());
}

TEST_F(HealthOfPeers, takes_a_suspicion_back_at_a_sign_of_life) {
  watch(PeerKind::cpp);
  run(420ms);
  ASSERT_EQ(count<Suspected>(), 1U);
  life();
  EXPECT_EQ(count<Refuted>(), 1U);
  EXPECT_FALSE(health_.suspects(peer_));
  run(250ms);
  EXPECT_EQ(count<Suspected>(), 1U) << "and the silence starts over";
  EXPECT_EQ(verdict(), nullptr);
}

TEST_F(HealthOfPeers, is_silent_about_whom_it_does_not_watch) {
  watch(PeerKind::cpp);
  health_.forget(peer_);
  life();
  unreachable();
  health_.on_hint(now(), peer_, events_);
  run(10s);
  EXPECT_TRUE(events_.empty());
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
  run(639ms);
  EXPECT_TRUE(events_.empty());
  run(260ms);
  EXPECT_EQ(verdict(), nullptr);
  run(40ms);
  EXPECT_NE(verdict(), nullptr);
}

TEST(ConfigOfHealth, for_the_default_heartbeat_is_the_default) {
  const Config config = Config::for_heartbeat(500ms, 150ms);
  EXPECT_EQ(config.look_after, Config{}.look_after);
  EXPECT_EQ(config.overdue, Config{}.overdue);
  EXPECT_EQ(config.cpp.silence, Config{}.cpp.silence);
  EXPECT_EQ(config.rust.silence, Config{}.rust.silence);
}

// -- unreachable

TEST_F(HealthOfPeers, presumes_a_peer_dead_when_three_probes_over_30_ms_were_answered_with_unreachable) {
  watch(PeerKind::cpp);
  unreachable();
  health_.on_no_witness(peer_);
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

TEST_F(HealthOfPeers, asks_others_before_refused_probes_mean_a_death) {
  watch(PeerKind::cpp);
  unreachable();
  EXPECT_EQ(count<DoubtWanted>(), 0U) << "most who are gone are proven dead before";
  for (int i = 0; i < 4; ++i) {
    pass(1ms);
    unreachable();
    run(14ms);
  }
  EXPECT_EQ(count<DoubtWanted>(), 1U);
  EXPECT_EQ(verdict(), nullptr) << "refused for 60 ms, and others may still say that they hear it";
  for (int i = 0; i < 4; ++i) {
    pass(1ms);
    unreachable();
    run(14ms);
  }
  ASSERT_NE(verdict(), nullptr);
  EXPECT_EQ(verdict()->why, Why::unreachable);
}

TEST_F(HealthOfPeers, calls_a_link_down_when_its_address_refuses_and_another_member_hears_the_peer) {
  watch(PeerKind::cpp);
  unreachable();
  for (int i = 0; i < 2; ++i) {
    pass(1ms);
    unreachable();
    run(14ms);
  }
  health_.on_vouched(now(), peer_);
  for (int i = 0; i < 4 && count<LinkDown>() == 0; ++i) {
    pass(1ms);
    unreachable();
    run(14ms);
  }
  EXPECT_EQ(verdict(), nullptr);
  ASSERT_EQ(count<LinkDown>(), 1U);
}

TEST_F(HealthOfPeers, asks_anew_when_a_silent_peer_that_was_vouched_for_refuses) {
  watch(PeerKind::cpp);
  run(300ms);
  ASSERT_EQ(count<DoubtWanted>(), 1U);
  health_.on_vouched(now(), peer_);
  for (int i = 0; i < 12 && verdict() == nullptr; ++i) {
    unreachable();
    run(14ms);
    pass(1ms);
  }
  EXPECT_EQ(count<DoubtWanted>(), 2U);
  EXPECT_NE(verdict(), nullptr) << "it may have died since";
}

TEST_F(HealthOfPeers, asks_others_when_a_sentinels_end_is_followed_by_neither_life_nor_proof) {
  watch(PeerKind::cpp);
  health_.on_sentinel_broken(now(), peer_, events_);
  run(20ms);
  EXPECT_EQ(count<DoubtWanted>(), 0U);
  run(60ms);
  EXPECT_EQ(count<DoubtWanted>(), 1U);
  health_.on_vouched(now(), peer_);
  run(600ms);
  EXPECT_EQ(verdict(), nullptr);
  EXPECT_EQ(count<LinkDown>(), 1U);
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
  health_.on_no_witness(peer_);
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
  run(300ms);
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
  run(600ms);
  ASSERT_NE(verdict(), nullptr);
  EXPECT_EQ(verdict()->why, Why::silence);
}

// -- sentinels

TEST_F(HealthOfPeers, proves_death_by_a_FIN_and_a_port_unreachable_for_a_later_probe) {
  watch(PeerKind::cpp);
  sentinel_finishes();
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
  sentinel_finishes();
  probe_refused(before);
  EXPECT_EQ(count<ProvenDead>(), 0U);
}

TEST_F(HealthOfPeers, proves_nothing_by_a_packet_that_is_no_probe) {
  watch(PeerKind::cpp);
  sentinel_finishes();
  unreachable();
  EXPECT_EQ(count<ProvenDead>(), 0U);
}

TEST_F(HealthOfPeers, proves_nothing_by_a_reset) {
  watch(PeerKind::cpp);
  sentinel_breaks();
  EXPECT_EQ(count<Probe>(), 1U);
  probe_refused(time_);
  EXPECT_EQ(count<ProvenDead>(), 0U) << "a firewall that rejects makes both";
}

TEST_F(HealthOfPeers, proves_nothing_without_a_FIN) {
  watch(PeerKind::cpp);
  run(300ms);
  probe_refused(time_);
  EXPECT_EQ(count<ProvenDead>(), 0U);
}

TEST_F(HealthOfPeers, probes_again_after_1_2_and_4_ms_since_UDP_may_be_closed_later_than_TCP) {
  watch(PeerKind::cpp);
  sentinel_finishes();
  run(1ms);
  EXPECT_EQ(count<Probe>(), 2U);
  run(2ms);
  EXPECT_EQ(count<Probe>(), 3U);
  run(4ms);
  EXPECT_EQ(count<Probe>(), 4U);
  run(210ms);
  EXPECT_LE(count<Probe>(), 34U) << "and then at the probing pace";
}

TEST_F(HealthOfPeers, takes_a_packet_right_behind_the_FIN_for_an_earlier_one) {
  watch(PeerKind::cpp);
  sentinel_finishes();
  pass(1ms);
  life();
  EXPECT_EQ(count<Refuted>(), 0U);
  probe_refused(time_);
  EXPECT_EQ(count<ProvenDead>(), 1U);
}

TEST_F(HealthOfPeers, forgets_the_FIN_of_a_process_that_answers) {
  watch(PeerKind::cpp);
  sentinel_finishes();
  run(10ms);
  life();
  EXPECT_EQ(count<Refuted>(), 1U);
  probe_refused(time_);
  EXPECT_EQ(count<ProvenDead>(), 0U);
}

TEST_F(HealthOfPeers, believes_a_FIN_and_the_proof_of_another_when_its_own_probes_stay_unanswered) {
  watch(PeerKind::cpp);
  sentinel_finishes();
  pass(1ms);
  health_.on_told(now(), peer_, events_);
  run(8ms);
  EXPECT_EQ(verdict(), nullptr);
  run(10ms);
  ASSERT_NE(verdict(), nullptr) << "the dead one's system is sparing with port-unreachables";
  EXPECT_EQ(verdict()->why, Why::told);
}

TEST_F(HealthOfPeers, wants_the_proof_of_another_when_its_own_probes_stay_unanswered) {
  watch(PeerKind::cpp);
  sentinel_finishes();
  run(5ms);
  EXPECT_EQ(count<ProofWanted>(), 0U);
  run(5ms);
  EXPECT_EQ(count<ProofWanted>(), 1U);
  run(100ms);
  EXPECT_LE(count<ProofWanted>(), 4U) << "ever more rarely";
}

TEST_F(HealthOfPeers, does_not_believe_another_without_a_FIN_of_its_own) {
  watch(PeerKind::cpp);
  health_.on_told(now(), peer_, events_);
  EXPECT_EQ(count<Probe>(), 1U) << "but probes at once";
  run(200ms);
  EXPECT_EQ(verdict(), nullptr);
  life();
  EXPECT_EQ(count<Refuted>(), 1U);
}

TEST_F(HealthOfPeers, heeds_three_proofs_of_others) {
  watch(PeerKind::cpp);
  for (int i = 0; i < 10; ++i) {
    health_.on_told(now(), peer_, events_);
    pass(10ms);
    life();
  }
  EXPECT_EQ(count<Suspected>(), 3U);
}

// -- hints

TEST_F(HealthOfPeers, answers_a_hint_with_one_probe_and_no_suspicion) {
  watch(PeerKind::cpp);
  health_.on_hint(now(), peer_, events_);
  EXPECT_EQ(count<Probe>(), 1U);
  EXPECT_EQ(count<Suspected>(), 0U);
}

TEST_F(HealthOfPeers, limits_the_rate_of_hints) {
  watch(PeerKind::cpp);
  for (int i = 0; i < 300; ++i) {
    health_.on_hint(now(), peer_, events_);
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
  health_.on_timer(now(), events_);
  EXPECT_TRUE(events_.empty());
  run(50ms);
  EXPECT_TRUE(events_.empty());
  run(20ms);
  EXPECT_EQ(count<Probe>(), 1U) << "the look that was due";
}

TEST_F(HealthOfPeers, does_not_count_probes_of_before_a_stall_as_unanswered) {
  watch(PeerKind::cpp);
  run(420ms);
  ASSERT_EQ(count<PresumedDead>(), 0U);
  pass(200ms);
  health_.on_stall(now(), 200ms);
  run(200ms);
  EXPECT_EQ(verdict(), nullptr) << "thirty probes anew, 7 ms each";
  run(60ms);
  EXPECT_NE(verdict(), nullptr);
}

TEST_F(HealthOfPeers, is_slower_to_judge_for_a_while_after_a_stall) {
  watch(PeerKind::cpp);
  health_.on_stall(now(), 50ms);
  run(500ms);
  EXPECT_EQ(verdict(), nullptr) << "a quarter more time for each stall";
  run(60ms);
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
  run(150ms);
  health_.on_stall(now(), 24ms);
  run(10ms);
  EXPECT_EQ(count<Probe>(), 1U);
}

}  // namespace
}  // namespace mosaik::detector
