#include "sim/world/disk.hpp"

#include <gtest/gtest.h>

namespace mosaik::sim {
namespace {

std::vector<std::string> texts(Disk& disk) {
  std::vector<std::string> out;
  for (const auto& record : disk.read("file")) out.emplace_back(record.begin(), record.end());
  return out;
}

TEST(Disk, gives_back_what_was_appended) {
  Disk disk{Rng(1)};
  EXPECT_TRUE(disk.append("file", bytes_of("one")));
  EXPECT_TRUE(disk.append("file", bytes_of("two")));
  EXPECT_EQ(texts(disk), (std::vector<std::string>{"one", "two"}));
  EXPECT_TRUE(disk.read("another").empty());
}

TEST(Disk, keeps_what_was_synced_through_a_crash) {
  Disk disk{Rng(1)};
  disk.append("file", bytes_of("one"));
  disk.synced("file");
  disk.crash();
  EXPECT_EQ(texts(disk), std::vector<std::string>{"one"});
}

TEST(Disk, loses_or_tears_what_was_not_synced) {
  std::size_t lost = 0;
  std::size_t whole = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Disk disk{Rng(seed)};
    disk.append("file", bytes_of("one"));
    disk.synced("file");
    disk.append("file", bytes_of("two"));
    disk.crash();
    const auto left = texts(disk);
    ASSERT_FALSE(left.empty());
    EXPECT_EQ(left.front(), "one");
    ++(left.size() == 1 ? lost : whole);
    // What is written next is read next, whatever was torn before.
    disk.append("file", bytes_of("three"));
    EXPECT_EQ(texts(disk).back(), "three");
  }
  EXPECT_GT(lost, 100U);
  EXPECT_GT(whole, 0U) << "a write may have reached the disk by itself";
}

TEST(Disk, that_is_full_refuses) {
  Disk disk{Rng(1)};
  disk.full = true;
  EXPECT_FALSE(disk.append("file", bytes_of("one")));
  EXPECT_TRUE(texts(disk).empty());
}

}  // namespace
}  // namespace mosaik::sim
