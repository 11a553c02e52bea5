/// The small parts that links are made of.

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "transport/quic/admission/secrets.hpp"
#include "transport/quic/connection/inbox.hpp"
#include "transport/quic/connection/outbox.hpp"
#include "transport/quic/connection/ring.hpp"

namespace mosaik::quic::test {
namespace {

TEST(Ring, keeps_order_while_it_grows_and_wraps) {
  Ring<int> ring;
  int in = 0, out = 0;
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < round % 7 + 1; ++i) ring.push_back(in++);
    for (int i = 0; i < round % 5 + 1 && !ring.empty(); ++i) {
      ASSERT_EQ(ring.front(), out++);
      ring.pop_front();
    }
  }
  while (!ring.empty()) {
    ASSERT_EQ(ring.front(), out++);
    ring.pop_front();
  }
  EXPECT_EQ(in, out);
}

struct OutboxTest : testing::Test {
  FramePool pool;
  Outbox outbox;
  Frame frame(std::size_t size) { return pool.make(std::vector<std::uint8_t>(size)); }
};

TEST_F(OutboxTest, never_breaks_into_a_frame) {
  ASSERT_EQ(outbox.push(SendClass::bulk, frame(1000)), SendResult::queued);
  ASSERT_EQ(outbox.next().size(), 1004U);
  outbox.sent(1);
  ASSERT_EQ(outbox.push(SendClass::liveness, frame(10)), SendResult::queued);
  EXPECT_EQ(outbox.next().size(), 1003U);
  outbox.sent(1003);
  EXPECT_EQ(outbox.next().size(), 14U);
}

TEST_F(OutboxTest, hands_over_no_more_than_the_window) {
  ASSERT_EQ(outbox.push(SendClass::bulk, frame(1U << 20U)), SendResult::queued);
  EXPECT_EQ(outbox.next().size(), limits::quic_window);
  outbox.sent(limits::quic_window);
  EXPECT_TRUE(outbox.next().empty());
  outbox.acknowledged(1000);
  EXPECT_EQ(outbox.next().size(), 1000U);
}

TEST_F(OutboxTest, chooses_no_frame_before_it_can_be_written) {
  ASSERT_EQ(outbox.push(SendClass::bulk, frame(limits::quic_window - Frame::header_size)), SendResult::queued);
  ASSERT_EQ(outbox.push(SendClass::bulk, frame(500)), SendResult::queued);
  outbox.sent(outbox.next().size());
  ASSERT_TRUE(outbox.next().empty());
  ASSERT_EQ(outbox.push(SendClass::liveness, frame(9)), SendResult::queued);
  outbox.acknowledged(limits::quic_window);
  EXPECT_EQ(outbox.next().size(), 13U) << "the urgent one overtakes what waited for the window";
}

TEST_F(OutboxTest, is_settled_when_all_is_acknowledged) {
  EXPECT_TRUE(outbox.settled());
  ASSERT_EQ(outbox.push(SendClass::bulk, frame(96)), SendResult::queued);
  EXPECT_FALSE(outbox.settled());
  outbox.sent(outbox.next().size());
  EXPECT_EQ(outbox.unsent(), 0U);
  EXPECT_FALSE(outbox.settled());
  outbox.acknowledged(99);
  EXPECT_FALSE(outbox.settled());
  outbox.acknowledged(100);
  EXPECT_TRUE(outbox.settled());
}

TEST_F(OutboxTest, takes_one_frame_of_any_size_into_an_empty_class) {
  EXPECT_EQ(outbox.push(SendClass::liveness, frame(limits::liveness_queue + 1)), SendResult::queued);
  EXPECT_EQ(outbox.push(SendClass::liveness, frame(1)), SendResult::full);
}

TEST_F(OutboxTest, forgets_what_waits_and_takes_nothing_more_once_it_is_abandoned) {
  ASSERT_EQ(outbox.push(SendClass::bulk, frame(1000)), SendResult::queued);
  ASSERT_FALSE(outbox.next().empty());
  outbox.sent(10);
  ASSERT_EQ(outbox.push(SendClass::liveness, frame(10)), SendResult::queued);
  outbox.abandon();
  EXPECT_TRUE(outbox.next().empty());
  EXPECT_EQ(outbox.unsent(), 0U);
  EXPECT_TRUE(outbox.settled()) << "a close after the flush must not wait for it";
  EXPECT_EQ(outbox.push(SendClass::liveness, frame(10)), SendResult::closed);
}

struct InboxTest : testing::Test {
  static constexpr LinkId link{7};
  Inbox inbox;
  /// Whether the end that is told was a clean one; nothing when none is told.
  std::optional<bool> told_end() {
    while (const auto event = inbox.next(link))
      if (const auto* ended = std::get_if<LinkEnded>(&*event)) return ended->clean;
    return std::nullopt;
  }
};

TEST_F(InboxTest, tells_an_end_once_and_behind_the_frames_before_it) {
  inbox.on_data(bytes_of(std::string_view("\0\0\0\1x", 5)));
  inbox.on_end(true);
  const auto first = inbox.next(link);
  ASSERT_TRUE(first && std::holds_alternative<LinkFrame>(*first));
  EXPECT_EQ(told_end(), true);
  inbox.on_end(false);
  EXPECT_EQ(told_end(), std::nullopt);
}

TEST_F(InboxTest, calls_an_end_clean_only_between_two_frames_and_without_a_reset) {
  inbox.on_data(bytes_of(std::string_view("\0\0\0\2x", 5)));
  inbox.on_end(true);
  EXPECT_EQ(told_end(), false) << "in the middle of a frame";
  Inbox reset;
  reset.on_end(false);
  const auto event = reset.next(link);
  ASSERT_TRUE(event && std::holds_alternative<LinkEnded>(*event));
  EXPECT_FALSE(std::get<LinkEnded>(*event).clean) << "a reset";
}

TEST_F(InboxTest, gives_no_credit_and_tells_nothing_more_after_a_frame_beyond_the_limit) {
  inbox.on_data(bytes_of(std::string_view("\x7f\0\0\0", 4)));
  const auto event = inbox.next(link);
  ASSERT_TRUE(event && std::holds_alternative<LinkOversized>(*event));
  inbox.on_data(bytes_of("more"));
  inbox.on_end(true);
  EXPECT_FALSE(inbox.next(link));
  EXPECT_EQ(inbox.take_credit(), 0U);
}

TEST(RetryTokens, are_bound_to_address_ids_and_time) {
  const RetryTokens tokens{Bytes32{1}}, others{Bytes32{2}};
  const Mono now{100s};
  const auto client = SocketAddress::v4({192, 0, 2, 1}, 1000);
  const Cid original(bytes_of("original-id")), retry(bytes_of("retry-id"));
  const RetryTokens::Token token = tokens.make(now, client, original, retry);
  EXPECT_EQ(tokens.verify(now, client, retry, token.view()), original);
  EXPECT_EQ(tokens.verify(now + RetryTokens::lifetime, client, retry, token.view()), original);
  EXPECT_FALSE(tokens.verify(now + RetryTokens::lifetime + 1ns, client, retry, token.view()));
  EXPECT_FALSE(tokens.verify(now - 1ns, client, retry, token.view()));
  EXPECT_FALSE(tokens.verify(now, client.with_port(1001), retry, token.view()));
  EXPECT_FALSE(tokens.verify(now, SocketAddress::v4({192, 0, 2, 2}, 1000), retry, token.view()));
  EXPECT_FALSE(tokens.verify(now, client, Cid(bytes_of("retry-ie")), token.view()));
  EXPECT_FALSE(others.verify(now, client, retry, token.view()));
  for (std::size_t size = 0; size < token.size; ++size)
    EXPECT_FALSE(tokens.verify(now, client, retry, token.view().first(size)));
  for (std::size_t i = 0; i < token.size; ++i) {
    RetryTokens::Token bent = token;
    bent.bytes[i] ^= 1;
    EXPECT_FALSE(tokens.verify(now, client, retry, bent.view())) << i;
  }
}

TEST(ResetTokens, are_the_same_after_a_restart_and_differ_between_keys_and_ids) {
  const auto key = crypto::SecretKey::from_seed(Bytes32{1});
  const auto same = crypto::SecretKey::from_seed(Bytes32{1});
  const auto other = crypto::SecretKey::from_seed(Bytes32{2});
  const auto token = ResetTokens(key).token(bytes_of("12345678"));
  EXPECT_EQ(token, ResetTokens(same).token(bytes_of("12345678")));
  EXPECT_NE(token, ResetTokens(other).token(bytes_of("12345678")));
  EXPECT_NE(token, ResetTokens(key).token(bytes_of("12345679")));
}

}  // namespace
}  // namespace mosaik::quic::test
