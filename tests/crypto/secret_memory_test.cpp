#include "crypto/secret_memory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

#include "crypto/ed25519.hpp"
#include "mosaik/types/group_key.hpp"

namespace mosaik::crypto {
namespace {

/// Whether the page of `address` is left out of core dumps: the flag `dd` in /proc/self/smaps.
bool is_left_out_of_dumps(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    std::istringstream head(line);
    if (head >> std::hex >> begin >> dash >> end && dash == '-')
      here = begin <= wanted && wanted < end;
    else if (here && line.starts_with("VmFlags:"))
      return line.find(" dd") != std::string::npos;
  }
  return false;
}

TEST(SecretMemory, is_left_out_of_core_dumps) {
  static int elsewhere = 1;
  EXPECT_FALSE(is_left_out_of_dumps(&elsewhere)) << "the test itself";
  const SecretBytes bytes(4097);
  EXPECT_TRUE(is_left_out_of_dumps(bytes.view().data()));
  EXPECT_TRUE(is_left_out_of_dumps(make_secret32().get()));
}

TEST(SecretMemory, holds_the_seed_and_the_group_key) {
  SecretKey key = SecretKey::from_seed(Bytes32{7});
  EXPECT_TRUE(is_left_out_of_dumps(&key.seed()));
  const SecretKey copy = key.copy();
  EXPECT_NE(&copy.seed(), &key.seed());
  const Bytes32* const place = &key.seed();
  const SecretKey moved = std::move(key);
  EXPECT_EQ(&moved.seed(), place) << "a move leaves it where it is";

  for (const GroupKey& group : {GroupKey::from_secret("secret1"), GroupKey::from_secret(std::string(64, '5')),
                                GroupKey::from_bytes({1}), GroupKey::random()}) {
    EXPECT_TRUE(is_left_out_of_dumps(&group.secret()));
    const GroupKey same(group);
    EXPECT_EQ(&same.secret(), &group.secret());
  }
}

TEST(SecretMemory, is_zero_at_first_and_moves) {
  SecretBytes one(100);
  EXPECT_TRUE(std::ranges::all_of(one.view(), [](std::uint8_t byte) { return byte == 0; }));
  one.bytes()[0] = 9;
  SecretBytes two = std::move(one);
  EXPECT_TRUE(one.view().empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(two.view()[0], 9);
  two = SecretBytes();
  EXPECT_TRUE(two.view().empty());
}

}  // namespace
}  // namespace mosaik::crypto
