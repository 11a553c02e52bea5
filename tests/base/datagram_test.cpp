#include "base/datagram.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace mosaik {
namespace {

DatagramPath path_to(std::uint16_t port) {
  return {SocketAddress::v4({127, 0, 0, 1}, 1), SocketAddress::v4({127, 0, 0, 1}, port)};
}

void write(DatagramBatch& batch, const DatagramPath& path, std::size_t size, std::uint8_t fill = 0) {
  ASSERT_GE(batch.room().size(), size);
  std::fill_n(batch.room().begin(), size, fill);
  batch.commit(path, size);
}

TEST(DatagramBatch, joins_datagrams_of_one_size_to_one_path) {
  DatagramBatch batch(10'000);
  write(batch, path_to(1), 1200, 1);
  write(batch, path_to(1), 1200, 2);
  write(batch, path_to(1), 300, 3);
  ASSERT_EQ(batch.items().size(), 1);
  EXPECT_EQ(batch.items()[0].segment, 1200);
  EXPECT_EQ(batch.items()[0].size, 2700);
  const BytesView bytes = batch.bytes(batch.items()[0]);
  EXPECT_EQ(bytes[1199], 1);
  EXPECT_EQ(bytes[1200], 2);
  EXPECT_EQ(bytes[2699], 3);
}

TEST(DatagramBatch, starts_a_new_item_after_a_short_datagram) {
  DatagramBatch batch(10'000);
  write(batch, path_to(1), 1200);
  write(batch, path_to(1), 300);
  write(batch, path_to(1), 300);
  ASSERT_EQ(batch.items().size(), 2);
  EXPECT_EQ(batch.items()[1].offset, 1500);
  EXPECT_EQ(batch.items()[1].segment, 300);
}

TEST(DatagramBatch, starts_a_new_item_for_a_larger_datagram) {
  DatagramBatch batch(10'000);
  write(batch, path_to(1), 300);
  write(batch, path_to(1), 301);
  EXPECT_EQ(batch.items().size(), 2);
}

TEST(DatagramBatch, keeps_paths_apart) {
  DatagramBatch batch(10'000);
  write(batch, path_to(1), 300);
  write(batch, path_to(2), 300);
  write(batch, path_to(1), 300);
  DatagramPath other_source = path_to(1);
  other_source.local = SocketAddress::v4({127, 0, 0, 2}, 1);
  write(batch, other_source, 300);
  EXPECT_EQ(batch.items().size(), 4);
}

TEST(DatagramBatch, ends_an_item_at_64_segments) {
  DatagramBatch batch(10'000);
  for (int i = 0; i < 65; ++i) write(batch, path_to(1), 100);
  ASSERT_EQ(batch.items().size(), 2);
  EXPECT_EQ(batch.items()[0].size, 6400);
  EXPECT_EQ(batch.items()[1].size, 100);
}

TEST(DatagramBatch, ends_an_item_at_65000_bytes) {
  DatagramBatch batch(200'000);
  for (int i = 0; i < 60; ++i) write(batch, path_to(1), 1300);
  ASSERT_EQ(batch.items().size(), 2);
  EXPECT_EQ(batch.items()[0].size, 65'000);
  EXPECT_EQ(batch.items()[1].size, 60 * 1300 - 65'000);
}

TEST(DatagramBatch, is_empty_again_after_clear) {
  DatagramBatch batch(1000);
  write(batch, path_to(1), 1000);
  EXPECT_TRUE(batch.room().empty());
  batch.clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.room().size(), 1000);
}

TEST(DatagramBatchDeathTest, refuses_more_than_there_was_room_for) {
  DatagramBatch batch(100);
  EXPECT_DEATH(batch.commit(path_to(1), 101), "broken invariant");
}

}  // namespace
}  // namespace mosaik
