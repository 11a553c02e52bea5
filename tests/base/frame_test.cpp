#include "base/frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::size_t> allocations = 0;
}  // namespace

// Counts every allocation of this test program.
void* operator new(std::size_t size) {
  ++allocations;
  if (void* const block = std::malloc(size == 0 ? 1 : size)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept {
  std::free(block);
}
void operator delete(void* block, std::size_t) noexcept {
  std::free(block);
}

namespace mosaik {
namespace {

std::vector<std::uint8_t> payload_of(std::size_t size) {
  std::vector<std::uint8_t> out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 7);
  return out;
}

TEST(Frame, carries_a_big_endian_length_and_the_payload) {
  FramePool pool;
  const std::vector<std::uint8_t> payload = payload_of(0x0102);
  const Frame frame = pool.make(payload);
  ASSERT_EQ(frame.wire().size(), 4 + payload.size());
  EXPECT_EQ(to_hex(frame.wire().first(4)), "00000102");
  EXPECT_TRUE(std::ranges::equal(frame.payload(), payload));
}

TEST(Frame, of_every_size_holds_what_was_put_in) {
  FramePool pool;
  for (const std::size_t size : {0U, 1U, 252U, 253U, 4092U, 4093U, 65532U, 65533U, 300'000U}) {
    const std::vector<std::uint8_t> payload = payload_of(size);
    EXPECT_TRUE(std::ranges::equal(pool.make(payload).payload(), payload)) << size;
  }
}

TEST(Frame, shares_its_bytes_between_copies) {
  FramePool pool;
  Frame copy;
  {
    const Frame frame = pool.make(payload_of(10));
    copy = frame;
    EXPECT_EQ(copy.wire().data(), frame.wire().data());
  }
  EXPECT_TRUE(std::ranges::equal(copy.payload(), payload_of(10)));
}

TEST(Frame, is_empty_after_being_moved_from) {
  FramePool pool;
  Frame frame = pool.make(payload_of(10));
  const Frame other = std::move(frame);
  EXPECT_FALSE(frame);  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(other);
}

TEST(FramePool, gives_a_block_again_when_the_last_copy_is_gone) {
  FramePool pool;
  const std::uint8_t* first = nullptr;
  {
    const Frame frame = pool.make(payload_of(100));
    const Frame copy = frame;
    first = copy.wire().data();
    EXPECT_NE(pool.make(payload_of(100)).wire().data(), first);
  }
  EXPECT_EQ(pool.make(payload_of(200)).wire().data(), first);
}

TEST(FramePool, allocates_nothing_in_the_steady_state) {
  FramePool pool;
  const std::array<std::vector<std::uint8_t>, 3> payloads = {payload_of(1), payload_of(1000), payload_of(50'000)};
  std::vector<Frame> queue(12);
  const auto round = [&] {
    for (std::size_t i = 0; i < queue.size(); ++i) queue[i] = pool.make(payloads[i % payloads.size()]);
    std::ranges::fill(queue, Frame());
  };
  round();
  const std::size_t before = allocations;
  for (int i = 0; i < 100; ++i) round();
  EXPECT_EQ(allocations, before);
}

TEST(FramePool, keeps_a_bounded_number_of_blocks) {
  FramePool pool;
  std::vector<Frame> frames(40);
  const std::vector<std::uint8_t> payload = payload_of(50'000);
  for (Frame& frame : frames) frame = pool.make(payload);
  std::ranges::fill(frames, Frame());
  const std::size_t before = allocations;
  for (Frame& frame : frames) frame = pool.make(payload);
  EXPECT_EQ(allocations - before, 40 - 16);
}

TEST(FramePoolDeathTest, must_outlive_its_frames) {
  EXPECT_DEATH(
      {
        Frame frame;
        FramePool pool;
        frame = pool.make({});
      },
      "broken invariant");
}

}  // namespace
}  // namespace mosaik
