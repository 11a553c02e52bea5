// A joiner and its log: what it asks for, and what it gives up (spec: groups 6.12).

#include "consensus/dynamic/catch_up.hpp"

#include <gtest/gtest.h>

namespace mosaik::consensus {
namespace {

Entry entry(std::uint64_t term, std::uint64_t index) {
  return {Term{term}, Blob::copy(std::vector<std::uint8_t>{static_cast<std::uint8_t>(index)})};
}
/// `common` entries of term 1, then `own` of `term`.
Log log_of(std::uint64_t common, std::uint64_t own, std::uint64_t term) {
  Log out;
  for (std::uint64_t i = 1; i <= common + own; ++i) out.append(entry(i <= common ? 1 : term, i));
  return out;
}

struct Result {
  std::size_t questions = 0;
  Index shortest;  ///< that the log has been
};
/// Answers as a leader does until the session is done; the engine's part is to cut what parted.
Result play(CatchUp& session, Log& log, const Log& leader, std::uint32_t batch) {
  Result out{0, log.last_index()};
  Now now{Mono(1s), {}, {}};
  while (out.questions < 10'000) {
    const auto state = session.drain(log);
    if (std::holds_alternative<CatchUp::Done>(state)) return out;
    if (const auto* parted = std::get_if<CatchUp::Parted>(&state)) {
      log.truncate(parted->from);
      session.restart(parted->from);
      out.shortest = std::min(out.shortest, log.last_index());
    }
    now.mono += 10s;
    const auto question = session.ask(now, log);
    if (!question) continue;
    ++out.questions;
    const IndexRange asked = std::get<FetchEntriesRequest>(*question).range;
    EXPECT_LE(asked.size(), batch);
    const std::vector<Entry> entries = leader.copy(asked, 1U << 20U);
    session.on_fetched({{asked.first, asked.first.plus(entries.size() - 1)}, entries});
  }
  ADD_FAILURE() << "no end";
  return out;
}

TEST(AJoiner, keeps_all_that_the_leader_has_too) {
  for (const std::uint32_t batch : {1U, 3U, 100U}) {
    Log log = log_of(100, 7, 2);
    const Log leader = log_of(100, 30, 3);
    CatchUp session(leader.last(), {}, batch);
    const Result result = play(session, log, leader, batch);
    EXPECT_EQ(result.shortest, Index{100}) << "what it had acknowledged never left";
    ASSERT_EQ(log.last(), leader.last());
    for (Index at{1}; at <= log.last_index(); at = at.next()) EXPECT_EQ(log.at(at), leader.at(at));
  }
}

TEST(AJoiner, finds_a_far_difference_in_few_steps) {
  Log log = log_of(1000, 5000, 2);
  const Log leader = log_of(1000, 6000, 3);
  CatchUp session(leader.last(), {}, 2000);
  const Result result = play(session, log, leader, 2000);
  EXPECT_EQ(result.shortest, Index{1000});
  EXPECT_LE(result.questions, 20U);
  EXPECT_EQ(log.last(), leader.last());
}

TEST(AJoiner, of_another_history_gives_up_all_of_it) {
  Log log = log_of(0, 40, 2);
  const Log leader = log_of(0, 60, 3);
  CatchUp session(leader.last(), {}, 16);
  EXPECT_EQ(play(session, log, leader, 16).shortest, Index{0});
  EXPECT_EQ(log.last(), leader.last());
}

TEST(AJoiner, asks_for_nothing_but_its_last_entry_when_only_the_end_is_missing) {
  Log log = log_of(50, 0, 0);
  const Log leader = log_of(50, 10, 3);
  CatchUp session(leader.last(), {}, 100);
  EXPECT_EQ(play(session, log, leader, 100).questions, 1U);
  EXPECT_EQ(log.last(), leader.last());
}

TEST(AJoiner, fetches_what_the_leader_sent_meanwhile_when_it_may_not_keep_it) {
  Log log = log_of(10, 0, 0);
  Log leader = log_of(20, 0, 0);
  CatchUp session(leader.last(), {}, 100);
  std::size_t sent = 0;
  for (std::uint8_t i = 0; sent <= limits::catch_up_bytes + (4U << 20U); ++i) {
    const Cursor before = leader.last();
    const Entry large{Term{1}, Blob::copy(std::vector<std::uint8_t>(1U << 20U, i))};
    leader.append(large);
    session.buffer(before, {large});
    sent += large.command.size();
  }
  EXPECT_EQ(session.target().term, leader.last().term);
  EXPECT_GT(session.target().index, Index{20}) << "what did not fit is to be fetched";
  play(session, log, leader, 100);
  ASSERT_EQ(log.last(), leader.last());
  EXPECT_TRUE(log.at(log.last_index()) == leader.at(leader.last_index()));
}

TEST(AJoiner, of_a_leader_that_follows_another_history_meanwhile_mixes_no_two) {
  for (const std::uint32_t batch : {1U, 4U, 15U}) {
    Log log;
    const Log first = log_of(10, 20, 2);
    const Log second = log_of(10, 30, 3);
    CatchUp session(first.last(), {}, batch);
    Now now{Mono(1s), {}, {}};
    for (int questions = 0; questions < 200; ++questions) {
      const auto state = session.drain(log);
      if (const auto* parted = std::get_if<CatchUp::Parted>(&state)) {
        log.truncate(parted->from);
        session.restart(parted->from);
      }
      now.mono += 10s;
      const auto question = session.ask(now, log);
      ASSERT_TRUE(question);
      const IndexRange asked = std::get<FetchEntriesRequest>(*question).range;
      const Log& leader = log.last_index() < Index{14} && questions < 16 ? first : second;
      const std::vector<Entry> entries = leader.copy(asked, 1U << 20U);
      if (!entries.empty()) session.on_fetched({{asked.first, asked.first.plus(entries.size() - 1)}, entries});
      const auto holds = [&](const Log& whole) {
        for (Index at{1}; at <= log.last_index(); at = at.next())
          if (at > whole.last_index() || log.at(at) != whole.at(at)) return false;
        return true;
      };
      ASSERT_TRUE(holds(first) || holds(second)) << log.last_index() << " after " << questions;
    }
    CatchUp again(second.last(), {}, batch);
    play(again, log, second, batch);
    EXPECT_EQ(log.last(), second.last());
  }
}

TEST(AJoiner, gets_past_an_entry_that_fills_an_answer_alone) {
  Log log;
  Log leader;
  for (std::uint8_t i = 0; i < 6; ++i)
    leader.append({Term{1}, Blob::copy(std::vector<std::uint8_t>(i % 2 == 0 ? 2U << 20U : 1U, i))});
  CatchUp session(leader.last(), {}, 100);
  play(session, log, leader, 100);
  EXPECT_EQ(log.last(), leader.last());
}

/// A leader that gives all it is asked for, over bonds that end at a frame beyond the limit: how many did?
std::size_t bonds_lost(Log& log, const Log& leader) {
  std::size_t lost = 0;
  std::optional<CatchUp> session;
  Now now{Mono(1s), {}, {}};
  for (int questions = 0; questions < 10'000; ++questions) {
    if (!session) session.emplace(leader.last(), std::vector<Entry>{}, 2000, CatchUp::Answers::whole);
    if (std::holds_alternative<CatchUp::Done>(session->drain(log))) return lost;
    now.mono += 10s;
    const auto question = session->ask(now, log);
    if (!question) continue;
    const IndexRange asked = std::get<FetchEntriesRequest>(*question).range;
    std::vector<Entry> entries;
    std::size_t size = 0;
    for (Index at = asked.first; at <= std::min(asked.last, leader.last_index()); at = at.next()) {
      entries.push_back(leader.at(at));
      size += entry_bytes(entries.back());
    }
    if (size > limits::group_frame) {
      ++lost;
      session.reset();
    } else {
      session->on_fetched({{asked.first, asked.first.plus(entries.size() - 1)}, entries});
    }
  }
  ADD_FAILURE() << "no end";
  return lost;
}

TEST(AJoiner, of_a_leader_that_gives_all_it_is_asked_for_asks_for_what_fits_a_frame) {
  for (const std::size_t bytes : {100U, 9U << 10U, 100U << 10U, 1U << 20U, 6U << 20U}) {
    SCOPED_TRACE(bytes);
    Log log;
    Log leader;
    const Blob command = Blob::copy(std::vector<std::uint8_t>(bytes));
    for (int i = 0; i < 4000; ++i) leader.append({Term{1}, command});
    EXPECT_EQ(bonds_lost(log, leader), 0U);
    EXPECT_EQ(log.last(), leader.last());
  }
}

TEST(AJoiner, comes_past_large_entries_behind_small_ones_at_the_cost_of_a_few_bonds) {
  Log log;
  Log leader;
  const Blob small = Blob::copy(std::vector<std::uint8_t>(10));
  const Blob large = Blob::copy(std::vector<std::uint8_t>(1U << 20U));
  for (int i = 0; i < 9000; ++i) leader.append({Term{1}, i < 5000 ? small : large});
  EXPECT_LE(bonds_lost(log, leader), 7U) << "each time it is nearer by half";
  EXPECT_EQ(log.last(), leader.last());
}

TEST(AJoiner, comes_past_the_largest_entries_wherever_they_begin) {
  for (const std::size_t has : {0U, 1U, 2U, 3U}) {
    SCOPED_TRACE(has);
    Log log;
    Log leader;
    const Blob small = Blob::copy(std::vector<std::uint8_t>(10));
    const Blob large = Blob::copy(std::vector<std::uint8_t>(limits::command_bytes));
    for (std::size_t i = 0; i < 12; ++i) leader.append({Term{1}, i < 2 ? small : large});
    for (std::size_t i = 0; i < has; ++i) log.append(leader.at(Index{i + 1}));
    EXPECT_LE(bonds_lost(log, leader), 2U);
    EXPECT_EQ(log.last(), leader.last());
  }
}

TEST(AJoiner, forgets_what_it_kept_when_the_leader_goes_on_elsewhere) {
  Log log = log_of(10, 0, 0);
  Log first = log_of(20, 0, 0);
  CatchUp session(first.last(), {}, 100);
  session.buffer(first.last(), {entry(1, 99)});
  const Log second = log_of(20, 5, 3);
  session.buffer(second.last(), {});
  EXPECT_EQ(session.target(), second.last());
  play(session, log, second, 100);
  EXPECT_EQ(log.last(), second.last());
}

}  // namespace
}  // namespace mosaik::consensus
