// Places in the log, terms, and the log itself (spec: groups 1.4, 7).

#include <gtest/gtest.h>

#include "consensus/dynamic/terms.hpp"
#include "consensus/log/log.hpp"

namespace mosaik::consensus {
namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
constexpr Cursor at(std::uint64_t term, std::uint64_t index) {
  return {Term{term}, Index{index}};
}
Entry entry(std::uint64_t term, std::uint8_t byte) {
  return {Term{term}, Blob::copy(std::vector<std::uint8_t>{byte})};
}

TEST(CursorArithmetic, saturates_at_both_ends) {
  EXPECT_EQ(Index{most}.next(), Index{most});
  EXPECT_EQ(Index{0}.previous(), Index{0});
  EXPECT_EQ(Index{3}.minus(5), Index{0});
  EXPECT_EQ(Index{3}.since(Index{5}), 0U);
  EXPECT_EQ(Index{5}.since(Index{3}), 2U);
  EXPECT_EQ(Index{most - 1}.plus(7), Index{most});
}

TEST(CursorArithmetic, knows_the_size_of_ranges) {
  EXPECT_EQ((IndexRange{Index{3}, Index{5}}).size(), 3U);
  EXPECT_TRUE((IndexRange{Index{1}, Index{0}}).empty());
  EXPECT_EQ((IndexRange{Index{5}, Index{3}}).size(), 0U);
  EXPECT_EQ((IndexRange{Index{0}, Index{most}}).size(), most);
}

PeerId peer(std::uint8_t first) {
  Bytes32 bytes{};
  bytes[0] = first;
  bytes[2] = 1;
  bytes[5] = 9;
  return PeerId(bytes);
}

TEST(Terms, of_two_members_never_meet) {
  const auto a = terms::slot_of(peer(1));
  const auto b = terms::slot_of(peer(2));
  ASSERT_NE(a, b);
  Term term{};
  for (int i = 0; i < 100; ++i) {
    const Term mine = *terms::next(term, a);
    const Term theirs = *terms::next(term, b);
    EXPECT_GT(mine, term);
    EXPECT_NE(mine, theirs);
    EXPECT_EQ(mine.value & ((1U << terms::slot_bits) - 1), a);
    term = std::max(mine, theirs).value % 3 == 0 ? Term{mine.value + 1} : theirs;  // a Rust member may come between
  }
}

TEST(Terms, of_a_lone_member_stay_in_round_0_and_apart_from_all_others) {
  const auto slot = terms::slot_of(peer(1));
  const Term lone = *terms::next_lone(Term{}, slot);
  EXPECT_TRUE(terms::is_lone(lone));
  EXPECT_EQ(terms::round_of(lone), 0U);
  EXPECT_FALSE(terms::is_lone(*terms::next(lone, slot)));
  EXPECT_FALSE(terms::is_lone(*terms::next_lone(lone, slot))) << "a lone term is used once";
  EXPECT_FALSE(terms::is_lone(Term{1})) << "the crate's first term";
}

TEST(Terms, end_before_they_overflow) {
  EXPECT_FALSE(terms::next(Term{terms::greatest.value}, 1));
  EXPECT_FALSE(terms::next(Term{most}, 1));
  EXPECT_TRUE(terms::next(Term{terms::greatest.value - (2ULL << terms::slot_bits)}, 1));
}

TEST(Terms, of_another_run_are_others) {
  EXPECT_NE(terms::slot_of(peer(1), 0), terms::slot_of(peer(1), 1));
  EXPECT_NE(terms::slot_of(peer(1), 1), terms::slot_of(peer(1), 2));
  for (std::uint64_t run = 0; run < 1000; ++run) EXPECT_NE(terms::slot_of(PeerId{}, run), 0U);
}

TEST(Positions, compare_by_term_and_then_by_index) {
  EXPECT_TRUE(terms::is_behind(at(1, 9), at(2, 1)));
  EXPECT_TRUE(terms::is_behind(at(2, 1), at(2, 2)));
  EXPECT_FALSE(terms::is_behind(at(2, 2), at(2, 2)));
  EXPECT_TRUE(terms::is_behind(at(0, 0), at(1, 1)));
}

TEST(Positions, of_lone_beginners_compare_by_length) {
  const std::uint64_t low = terms::lone_bit | 5;
  const std::uint64_t high = terms::lone_bit | 9;
  EXPECT_TRUE(terms::is_behind(at(high, 1), at(low, 3)));
  EXPECT_TRUE(terms::is_behind(at(low, 3), at(high, 3))) << "the order is total";
  EXPECT_TRUE(terms::is_behind(at(low, 9), at(1ULL << terms::slot_bits | 3, 1)));
  EXPECT_TRUE(terms::is_behind(at(7, 9), at(low, 1))) << "the crate's terms come before";
}

TEST(ALog, starts_at_1_and_has_term_0_before) {
  Log log;
  EXPECT_EQ(log.last(), Cursor{});
  EXPECT_EQ(log.term_at(Index{0}), Term{0});
  EXPECT_EQ(log.term_at(Index{1}), std::nullopt);
  EXPECT_EQ(log.append(entry(7, 1)), Index{1});
  EXPECT_EQ(log.last(), at(7, 1));
  EXPECT_TRUE(log.matches(at(7, 1)));
  EXPECT_FALSE(log.matches(at(6, 1)));
  EXPECT_FALSE(log.matches(at(7, 2)));
}

TEST(ALog, drops_its_tail) {
  Log log;
  for (std::uint8_t i = 1; i <= 5; ++i) log.append(entry(i, i));
  EXPECT_EQ(log.truncate(Index{4}), 2U);
  EXPECT_EQ(log.last(), at(3, 3));
  EXPECT_EQ(log.bytes(), 3U);
  EXPECT_EQ(log.memory(), 3 + log.last_index().value * limits::log_entry) << "entries without a byte fill it too";
  EXPECT_EQ(log.truncate(Index{9}), 0U);
  EXPECT_EQ(log.truncate(Index{1}), 3U);
  EXPECT_TRUE(log.empty());
}

TEST(ALog, copies_what_fits_and_at_least_one) {
  Log log;
  for (std::uint8_t i = 1; i <= 5; ++i) log.append(entry(1, i));
  EXPECT_EQ(log.copy({Index{2}, Index{4}}, 1000).size(), 3U);
  EXPECT_EQ(log.copy({Index{2}, Index{4}}, 45).size(), 2U);
  EXPECT_EQ(log.copy({Index{2}, Index{4}}, 0).size(), 1U);
  EXPECT_EQ(log.copy({Index{4}, Index{99}}, 1000).size(), 2U);
  EXPECT_TRUE(log.copy({Index{6}, Index{99}}, 1000).empty());
  EXPECT_EQ(log.copy({Index{0}, Index{most}}, 1000).size(), 5U);
}

TEST(ALog, with_a_first_index__begins_behind_what_is_not_kept) {
  Log log(at(4, 10));
  EXPECT_EQ(log.last(), at(4, 10));
  EXPECT_EQ(log.first_index(), Index{11});
  EXPECT_EQ(log.committed(), Index{10}) << "only what is committed may leave at the head";
  EXPECT_EQ(log.append(entry(5, 1)), Index{11});
  EXPECT_TRUE(log.matches(at(4, 10)));
  EXPECT_TRUE(log.matches(at(5, 11)));
  EXPECT_EQ(log.term_at(Index{9}), std::nullopt);
  EXPECT_EQ(log.copy({Index{1}, Index{99}}, 1000).size(), 1U);
  EXPECT_EQ(log.truncate(Index{11}), 1U);
  log.check_invariants();
}

TEST(ALog, committed__is_never_truncated) {
  Log log;
  for (std::uint8_t i = 1; i <= 5; ++i) log.append(entry(1, i));
  log.commit_to(Index{3});
  log.commit_to(Index{2});
  EXPECT_EQ(log.committed(), Index{3});
  EXPECT_EQ(log.uncommitted_bytes(), 2U);
  EXPECT_DEATH(log.truncate(Index{3}), "committed");
  log.commit_to(Index{99});
  EXPECT_EQ(log.committed(), Index{5});
  log.clear();
  EXPECT_EQ(log.committed(), Index{0});
  log.check_invariants();
}

}  // namespace
}  // namespace mosaik::consensus
