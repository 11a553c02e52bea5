#include "base/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace mosaik {
namespace {

// From the authors' reference code: xoshiro256** whose state is filled by splitmix64 from 0. The first words of
// splitmix64(0) are published; the two outputs follow from them by hand.
TEST(Rng, is_xoshiro256_starstar_seeded_by_splitmix64) {
  constexpr std::array<std::uint64_t, 4> s = {0xe220a8397b1dcdafU, 0x6e789e6aa1b965f4U, 0x06c45d188009454fU,
                                              0xf88bb8a8724c81ecU};
  const auto rotate = [](std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); };
  Rng rng(0);
  EXPECT_EQ(rng.next(), rotate(s[1] * 5, 7) * 9);
  const std::uint64_t s1 = s[1] ^ (s[2] ^ s[0]);
  EXPECT_EQ(rng.next(), rotate(s1 * 5, 7) * 9);
}

TEST(Rng, gives_the_same_numbers_for_the_same_seed_only) {
  Rng a(7);
  Rng b(7);
  Rng c(8);
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t value = a.next();
    EXPECT_EQ(value, b.next());
    EXPECT_NE(value, c.next());
  }
}

TEST(Rng, below_reaches_every_value_and_none_beyond) {
  Rng rng(1);
  std::array<int, 5> seen{};
  for (int i = 0; i < 5000; ++i) ++seen.at(rng.below(5));
  for (const int times : seen) EXPECT_NEAR(times, 1000, 150);
  EXPECT_EQ(rng.below(0), 0U);
  EXPECT_EQ(rng.below(1), 0U);
}

TEST(Rng, between_includes_both_ends) {
  Rng rng(1);
  std::set<std::int64_t> seen;
  for (int i = 0; i < 200; ++i) seen.insert(rng.between(Nanoseconds(-1), Nanoseconds(1)).count());
  EXPECT_EQ(seen, (std::set<std::int64_t>{-1, 0, 1}));
  EXPECT_EQ(rng.between(5ns, 5ns), 5ns);
  EXPECT_EQ(rng.between(6ns, 5ns), 6ns);
  rng.between(Nanoseconds::min(), Nanoseconds::max());
}

TEST(Rng, forks_depend_on_name_and_index_and_not_on_what_was_drawn) {
  Rng rng(1);
  const std::uint64_t before = rng.fork("dial", 3).next();
  rng.next();
  EXPECT_EQ(rng.fork("dial", 3).next(), before);
  EXPECT_NE(rng.fork("dial", 4).next(), before);
  EXPECT_NE(rng.fork("dia", 3).next(), before);
  EXPECT_NE(rng.fork("", 0).next(), Rng(1).next());
}

}  // namespace
}  // namespace mosaik
