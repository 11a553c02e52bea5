// Parts of the engine by themselves: why a vote is given or denied, what a leader knows of a peer, tables of calls and
// reads.

#include <gtest/gtest.h>

#include "consensus/dynamic/call_table.hpp"
#include "consensus/dynamic/elections.hpp"
#include "consensus/dynamic/peer_progress.hpp"
#include "consensus/dynamic/read_table.hpp"

namespace mosaik::consensus {
namespace {

PeerId peer(std::uint8_t number) {
  Bytes32 bytes{};
  bytes[0] = number;
  return PeerId(bytes);
}
Entry entry(std::uint64_t term) {
  return {Term{term}, Blob::copy(std::vector<std::uint8_t>{1})};
}

/// Member 1 of a group with members 2 (native) and 3 (crate); three entries of term 1, in term 5.
class AVote : public testing::Test {
 protected:
  AVote() { begin({}); }

  void begin(Config config) {
    config.self = peer(1);
    config_ = std::move(config);
    for (int i = 0; i < 3; ++i) log_.append(entry(1));
    durability_.enter_term(Term{5});
    peers_.add(peer(2), Dialect::native, now_.mono);
    peers_.add(peer(3), Dialect::crate, now_.mono);
  }
  [[nodiscard]] VoteDecision asked(std::uint8_t by, std::uint64_t term, std::uint64_t last_term, std::uint64_t last) {
    return elections_.decide(now_, peer(by), {Term{term}, peer(by), {Term{last_term}, Index{last}}});
  }

  Now now_{Mono{1s}, Boot{1s}, Wall{1}};
  Config config_;
  Rng rng_{1};
  FramePool pool_;
  Outbox outbox_{pool_};
  Log log_;
  Durability durability_{Store::memory, log_, Term{}, std::nullopt};
  Peers peers_;
  Membership membership_{config_, peers_, outbox_, now_};
  Following following_{config_, log_, durability_, peers_, outbox_};
  Elections elections_{config_, rng_, log_, durability_, peers_, membership_, following_, now_};
};

TEST_F(AVote, is_decided_by_the_logs) {
  EXPECT_EQ(asked(2, 6, 1, 3), (VoteDecision{Vote::granted, VoteReason::equal_logs}));
  EXPECT_EQ(asked(2, 6, 1, 4), (VoteDecision{Vote::abstained, VoteReason::log_is_ahead}));
  EXPECT_EQ(asked(2, 6, 4, 1), (VoteDecision{Vote::abstained, VoteReason::log_is_ahead}));
  EXPECT_EQ(asked(2, 6, 1, 2), (VoteDecision{Vote::denied, VoteReason::log_is_behind}));
}

TEST_F(AVote, of_an_observer__is_no_grant) {
  config_.preference = Preference::observer;
  EXPECT_EQ(asked(2, 6, 1, 3), (VoteDecision{Vote::abstained, VoteReason::observer}));
}

TEST_F(AVote, is_not_given_in_a_stale_term_or_for_another_member) {
  EXPECT_EQ(asked(2, 4, 1, 3), (VoteDecision{std::nullopt, VoteReason::stale_term}));
  EXPECT_EQ(elections_.decide(now_, peer(2), {Term{6}, peer(3), log_.last()}),
            (VoteDecision{std::nullopt, VoteReason::foreign_candidate}));
}

TEST_F(AVote, is_given_once_a_term) {
  durability_.enter_term(Term{6});
  durability_.cast_vote(peer(2));
  EXPECT_EQ(asked(3, 6, 1, 3), (VoteDecision{Vote::denied, VoteReason::voted_for_another}));
  EXPECT_EQ(asked(2, 6, 1, 3), (VoteDecision{Vote::granted, VoteReason::equal_logs})) << "the same one may ask again";
  EXPECT_EQ(asked(3, 7, 1, 3), (VoteDecision{Vote::granted, VoteReason::equal_logs}));
  EXPECT_DEATH(durability_.cast_vote(peer(3)), "vote_");
}

TEST_F(AVote, while_the_leader_is_heard__is_denied_to_those_that_can_bear_it) {
  elections_.follow(now_, peer(3));
  elections_.hear_leader(now_);
  EXPECT_EQ(asked(2, 6, 1, 3), (VoteDecision{Vote::denied, VoteReason::leader_is_heard}));
  EXPECT_EQ(asked(2, 6, 1, 4), (VoteDecision{Vote::abstained, VoteReason::log_is_ahead})) << "it may know better";
  elections_.follow(now_, peer(2));
  elections_.hear_leader(now_);
  EXPECT_EQ(asked(3, 6, 1, 3).vote, Vote::granted) << "a Rust member would wait for its timer";
  now_.mono += config_.election_timeout;
  EXPECT_EQ(asked(2, 6, 1, 3).vote, Vote::granted);
}

TEST_F(AVote, for_one_that_lacks_what_was_told_committed__is_denied) {
  elections_.follow(now_, peer(3));
  elections_.hear_leader(now_);
  elections_.on_known_commit(Index{4});
  elections_.follow(now_, std::nullopt);
  EXPECT_EQ(asked(2, 6, 1, 3), (VoteDecision{Vote::denied, VoteReason::lacks_known_commit}));
  EXPECT_EQ(asked(2, 6, 1, 4).reason, VoteReason::log_is_ahead);
  now_.mono += config_.alone_after;
  EXPECT_EQ(asked(2, 6, 1, 3).vote, Vote::granted) << "no member has it that can be heard";
}

TEST(APeersProgress, goes_by_what_it_acknowledges) {
  using State = PeerProgress::State;
  PeerProgress progress(Dialect::crate, Index{5}, Mono{2s});
  EXPECT_EQ(progress.state(), State::unsent);
  EXPECT_TRUE(progress.counts(Mono{1s})) << "it is given time";
  EXPECT_FALSE(progress.counts(Mono{2s}));
  progress.on_greeted(Index{5});
  progress.on_abstained(Index{4});
  EXPECT_EQ(progress.state(), State::catching_up);
  progress.on_acknowledged(Index{9}, Mono{3s});
  EXPECT_EQ(progress.state(), State::replicating);
  EXPECT_EQ(progress.acked(), Index{5}) << "no more than was sent";
  progress.on_entries_sent(Index{7}, Mono{4s});
  EXPECT_EQ(progress.behind_since(), Mono{4s});
  progress.on_stalled();
  EXPECT_EQ(progress.state(), State::stalled);
  EXPECT_FALSE(progress.in_sync());
  EXPECT_TRUE(progress.has_acknowledged());
  progress.on_acknowledged(Index{7}, Mono{5s});
  EXPECT_EQ(progress.state(), State::replicating);
  EXPECT_EQ(progress.behind_since(), never);
  progress.on_abstained(Index{7});
  EXPECT_EQ(progress.state(), State::observing);
  progress.check_invariants(Index{7});
}

TEST(ACallTable, finds_a_call_by_its_state_alone) {
  ByteBudget kept(1000);
  CallTable table(kept);
  const CallId id{7};
  table.insert(id, {.deadline = Mono{9s},
                    .ends_at = Mono{9s},
                    .count = 1,
                    .from = {},
                    .to = {},
                    .commands = {Blob::copy(std::vector<std::uint8_t>(10))}});
  EXPECT_EQ(table.first_waiting(), id);
  EXPECT_GE(kept.used(), 10U);
  table.update(id, [](OpenCall& call) {
    call.state = OpenCall::Forwarded{3, peer(2)};
    call.ends_at = Mono{5s};
  });
  EXPECT_EQ(table.first_waiting(), std::nullopt);
  EXPECT_EQ(table.forwarded(3), id);
  EXPECT_EQ(table.first_due(Mono{5s}), id);
  table.update(id, [](OpenCall& call) { call.state = OpenCall::Appended{{Index{4}, Index{4}}}; });
  EXPECT_EQ(table.first_appended(), id);
  table.check_invariants();
  static_cast<void>(table.extract(id));
  EXPECT_EQ(kept.used(), 0U);
  EXPECT_EQ(table.next_deadline(), never);
  table.check_invariants();
  EXPECT_DEATH(static_cast<void>(table.extract(id)), "found");
}

TEST(AReadTable, gives_back_what_it_took) {
  ByteBudget kept(1000);
  ReadTable table(kept);
  const Blob query = Blob::copy(std::vector<std::uint8_t>(10));
  const QueryId own = table.insert({.from = ReadRequest::Own{CallId{1}}, .query = query, .ends_at = Mono{9s}});
  const QueryId foreign = table.insert({.from = ReadRequest::Foreign{peer(2), 1},
                                        .query = query,
                                        .ends_at = Mono{9s},
                                        .state = ReadRequest::Confirming{}});
  EXPECT_EQ(table.first_waiting(), own);
  table.update(own, [](ReadRequest& request) { request.state = ReadRequest::Forwarded{5, peer(3)}; });
  EXPECT_EQ(kept.used(), 10U);
  table.check_invariants();
  static_cast<void>(table.extract(own));
  static_cast<void>(table.extract(foreign));
  EXPECT_EQ(kept.used(), 0U);
  EXPECT_EQ(table.first(), std::nullopt);
  table.check_invariants();
}

}  // namespace
}  // namespace mosaik::consensus
