#include "wire/framing.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "base/frame.hpp"
#include "base/limits.hpp"
#include "wire/entries.hpp"

namespace {
std::atomic<std::size_t> largest_allocation = 0;
}  // namespace

// Remembers the largest allocation of this test program.
void* operator new(std::size_t size) {
  std::size_t seen = largest_allocation;
  while (seen < size && !largest_allocation.compare_exchange_weak(seen, size)) {
  }
  if (void* const block = std::malloc(size == 0 ? 1 : size)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept {
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept {
  std::free(block);
}

namespace mosaik::wire {
namespace {

using test::Bytes;

Bytes stream_of(const std::vector<Bytes>& payloads) {
  FramePool pool;
  Bytes out;
  for (const Bytes& payload : payloads) {
    const Frame frame = pool.make(payload);
    out.insert(out.end(), frame.wire().begin(), frame.wire().end());
  }
  return out;
}

std::vector<Bytes> drain(FrameReader& reader) {
  std::vector<Bytes> out;
  while (const std::optional<BytesView> payload = reader.next()) out.emplace_back(payload->begin(), payload->end());
  return out;
}

const std::vector<Bytes> payloads = {{1, 2, 3}, {}, Bytes(300, 7), {4}};

TEST(FrameReader, cuts_frames_that_arrive_at_once) {
  FrameReader reader(1000);
  ASSERT_TRUE(reader.feed(stream_of(payloads)));
  EXPECT_EQ(drain(reader), payloads);
  EXPECT_TRUE(reader.at_boundary());
}

TEST(FrameReader, cuts_frames_that_arrive_byte_by_byte) {
  FrameReader reader(1000);
  std::vector<Bytes> got;
  for (const std::uint8_t byte : stream_of(payloads)) {
    ASSERT_TRUE(reader.feed(BytesView(&byte, 1)));
    for (Bytes& payload : drain(reader)) got.push_back(std::move(payload));
  }
  EXPECT_EQ(got, payloads);
  EXPECT_TRUE(reader.at_boundary());
}

TEST(FrameReader, knows_when_it_stands_between_two_frames) {
  FrameReader reader(1000);
  EXPECT_TRUE(reader.at_boundary());
  const Bytes stream = stream_of({{1, 2}});
  ASSERT_TRUE(reader.feed(BytesView(stream).first(2)));
  EXPECT_FALSE(reader.at_boundary()) << "half a prefix";
  ASSERT_TRUE(reader.feed(BytesView(stream).subspan(2, 3)));
  EXPECT_FALSE(reader.next());
  EXPECT_FALSE(reader.at_boundary()) << "half a payload";
  ASSERT_TRUE(reader.feed(BytesView(stream).subspan(5)));
  EXPECT_TRUE(reader.next());
  EXPECT_TRUE(reader.at_boundary());
}

TEST(FrameReader, refuses_an_announced_length_of_4_gib_without_allocating_for_it) {
  FrameReader reader(limits::group_frame);
  largest_allocation = 0;
  const Result<> fed = reader.feed(test::unhex("ffffffff"));
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, Errc::limit);
  EXPECT_FALSE(reader.feed(Bytes(1000))) << "dead for good";
  EXPECT_FALSE(reader.next());
  EXPECT_LT(largest_allocation, 2000U);
}

TEST(FrameReader, grows_by_what_arrived_and_not_by_what_was_announced) {
  FrameReader reader(limits::group_frame);
  largest_allocation = 0;
  ASSERT_TRUE(reader.feed(test::unhex("01000000aabb")));  // 16 MiB, the limit itself
  EXPECT_FALSE(reader.next());
  EXPECT_LT(largest_allocation, 1000U);
}

TEST(FrameReader, refuses_one_byte_more_than_the_limit) {
  FrameReader exact(300);
  EXPECT_TRUE(exact.feed(stream_of({Bytes(300)})));
  EXPECT_TRUE(exact.next());
  FrameReader less(299);
  EXPECT_FALSE(less.feed(stream_of({Bytes(300)})));
}

TEST(FrameReader, judges_a_frame_by_the_limit_that_holds_when_its_turn_comes) {
  // A handshake's answer and a large frame behind it may share a packet; the limit is raised between the two.
  const Bytes stream = stream_of({{1}, Bytes(300, 7)});
  FrameReader raised(100);
  ASSERT_TRUE(raised.feed(stream));
  EXPECT_TRUE(raised.next());
  raised.set_limit(300);
  EXPECT_EQ(raised.next()->size(), 300U);

  FrameReader kept(100);
  ASSERT_TRUE(kept.feed(stream));
  EXPECT_TRUE(kept.next());
  EXPECT_FALSE(kept.next());
  EXPECT_TRUE(kept.oversized());
  EXPECT_FALSE(kept.feed({}));
}

TEST(FrameReader, takes_a_large_frame_in_many_pieces) {
  Bytes large(3U << 20U);
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<std::uint8_t>(i * 31 >> 3U);
  const Bytes stream = stream_of({{1}, large, {2}});
  FrameReader reader(limits::group_frame);
  std::vector<Bytes> got;
  for (BytesView rest(stream); !rest.empty();) {
    const BytesView piece = rest.first(std::min<std::size_t>(1200, rest.size()));
    ASSERT_TRUE(reader.feed(piece));
    for (Bytes& payload : drain(reader)) got.push_back(std::move(payload));
    rest = rest.subspan(piece.size());
  }
  EXPECT_EQ(got, (std::vector<Bytes>{{1}, large, {2}}));
}

}  // namespace
}  // namespace mosaik::wire
