// What a token bucket gives, and what it owes.

#include <gtest/gtest.h>

#include "base/token_bucket.hpp"

namespace mosaik::test {
namespace {

constexpr Mono at(Nanoseconds time) {
  return Mono(time);
}

TEST(TokenBucket, whole_tokens__the_burst_and_then_the_rate) {
  TokenBucket bucket(4, 2, at(0ms));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(bucket.take_whole(at(0ms)));
  EXPECT_FALSE(bucket.take_whole(at(0ms)));
  EXPECT_FALSE(bucket.take_whole(at(499ms)));
  EXPECT_TRUE(bucket.take_whole(at(501ms)));
  EXPECT_FALSE(bucket.take_whole(at(502ms)));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(bucket.take_whole(at(1h)));
  EXPECT_FALSE(bucket.take_whole(at(1h)));
}

TEST(TokenBucket, a_larger_amount_than_is_left__passes_and_is_owed) {
  TokenBucket bucket(4, 2, at(0ms));
  EXPECT_TRUE(bucket.take(at(0ms), 6));
  EXPECT_FALSE(bucket.take(at(999ms)));
  EXPECT_EQ(bucket.ready_at(), at(1s) + 1ns);
  EXPECT_TRUE(bucket.take(bucket.ready_at()));
}

}  // namespace
}  // namespace mosaik::test
