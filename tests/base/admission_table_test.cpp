/// Whoever comes gets a place; who gives way for it is the idlest of the fullest source.

#include "base/admission_table.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.hpp"

namespace mosaik {
namespace {

SocketAddress v4(std::uint8_t net, std::uint8_t host, std::uint16_t port = 1) {
  return SocketAddress::v4({192, 0, net, host}, port);
}
SocketAddress v6(std::uint8_t net, std::uint8_t host) {
  return SocketAddress::v6({0x20, 1, 0xd, 0xb8, 0, 0, 0, net, 0, 0, 0, 0, 0, 0, 0, host}, 1);
}

struct AdmissionTableTest : testing::Test {
  AdmissionTable<int> table{{.places = 8, .for_members = 2}};
  int next = 0;

  std::optional<int> come(const SocketAddress& from, AdmissionClass standing = AdmissionClass::stranger) {
    return table.admit(next++, from, standing);
  }
};

TEST_F(AdmissionTableTest, up_to_half_nobody_gives_way) {
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(come(v4(1, 1))) << i;
  EXPECT_EQ(come(v4(1, 1)), 0) << "six places are open to strangers, and more than three were taken";
}

TEST_F(AdmissionTableTest, the_fullest_network_gives_way_by_its_oldest) {
  come(v4(1, 1));                                       // 0
  for (std::uint8_t i = 0; i < 3; ++i) come(v4(2, i));  // 1 to 3: one /24
  EXPECT_EQ(come(v4(3, 1)), 1);
  EXPECT_EQ(come(v4(4, 1)), 2);
  EXPECT_EQ(come(v4(5, 1)), 0) << "one each: the oldest";
}

TEST_F(AdmissionTableTest, no_address_is_worse_than_another_where_none_has_more) {
  for (const bool high : {false, true}) {
    AdmissionTable<int> wide({.places = 16});
    int key = 0;
    static_cast<void>(wide.admit(key++, v4(high ? 250 : 1, 1), AdmissionClass::stranger));
    for (std::uint8_t i = 0; i < 8; ++i)
      EXPECT_FALSE(wide.admit(key++, v4(static_cast<std::uint8_t>(10 + i), 1), AdmissionClass::stranger));
    EXPECT_EQ(wide.admit(key++, v4(100, 1), AdmissionClass::stranger), 0);
  }
}

TEST_F(AdmissionTableTest, a_64_counts_as_one_network) {
  come(v6(1, 1));
  for (std::uint8_t i = 0; i < 3; ++i) come(v6(2, i));
  EXPECT_EQ(come(v6(3, 1)), 1);
}

TEST_F(AdmissionTableTest, within_a_network_the_fullest_address_gives_way) {
  come(v4(1, 7));                              // 0: a neighbour of the greedy one
  for (int i = 0; i < 3; ++i) come(v4(1, 8));  // 1 to 3
  EXPECT_EQ(come(v4(1, 9)), 1);
}

TEST_F(AdmissionTableTest, who_has_sent_a_frame_stays_as_long_as_others_have_not) {
  for (int i = 0; i < 4; ++i) come(v4(1, 1));
  table.on_frame(0);
  table.on_frame(1);
  EXPECT_EQ(come(v4(1, 1)), 2);
  table.on_frame(3);
  EXPECT_EQ(come(v4(1, 1)), 4);
  for (int i = 0; i < next; ++i) table.on_frame(i);
  EXPECT_FALSE(come(v4(1, 1))) << "there is room";
  table.on_frame(next - 1);
  EXPECT_FALSE(come(v4(1, 1)));
  table.on_frame(next - 1);
  EXPECT_EQ(table.size(), 6U);
  EXPECT_EQ(come(v4(1, 1)), 0) << "all have sent one: the oldest";
}

TEST_F(AdmissionTableTest, strangers_leave_the_places_of_members_alone) {
  for (int i = 0; i < 100; ++i) come(v4(1, 1));
  EXPECT_LE(table.size(), 6U);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(come(v4(1, 1), AdmissionClass::member)) << i;
  EXPECT_EQ(table.size(), 8U);
  EXPECT_TRUE(come(v4(1, 1), AdmissionClass::member)) << "a stranger gives way";
  EXPECT_EQ(table.size(), 8U);
}

TEST_F(AdmissionTableTest, a_member_gives_way_to_members_alone) {
  std::vector<int> members;
  for (int i = 0; i < 8; ++i) {
    members.push_back(next);
    come(v4(1, 1), AdmissionClass::member);
  }
  EXPECT_EQ(come(v4(2, 1), AdmissionClass::member), members.front());
  const std::optional<int> gone = come(v4(2, 1));
  ASSERT_TRUE(gone) << "no stranger is there to give way";
}

TEST_F(AdmissionTableTest, leaving_makes_room) {
  for (int i = 0; i < 4; ++i) come(v4(1, 1));
  table.leave(2);
  table.leave(2);
  table.leave(77);
  EXPECT_FALSE(come(v4(1, 1)));
  EXPECT_FALSE(table.contains(2));
}

TEST_F(AdmissionTableTest, a_newcomer_from_elsewhere_outlives_any_flood) {
  AdmissionTable<int> wide({.places = 64, .for_members = 8});
  int key = 0;
  for (int i = 0; i < 5000; ++i)
    static_cast<void>(wide.admit(key++, v4(1, 1, static_cast<std::uint16_t>(i)), AdmissionClass::stranger));
  const int honest = key++;
  static_cast<void>(wide.admit(honest, v4(2, 1), AdmissionClass::stranger));
  for (int i = 0; i < 5000; ++i)
    static_cast<void>(wide.admit(key++, v4(1, 1, static_cast<std::uint16_t>(i)), AdmissionClass::stranger));
  EXPECT_TRUE(wide.contains(honest));
}

TEST_F(AdmissionTableTest, stays_within_its_places_whatever_comes) {
  Rng random(1);
  for (int i = 0; i < 20'000; ++i) {
    const auto from = v4(static_cast<std::uint8_t>(random.below(3)), static_cast<std::uint8_t>(random.below(3)));
    come(from, random.below(5) == 0 ? AdmissionClass::member : AdmissionClass::stranger);
    if (random.below(2) == 0) table.on_frame(static_cast<int>(random.below(static_cast<std::uint64_t>(next))));
    if (random.below(4) == 0) table.leave(static_cast<int>(random.below(static_cast<std::uint64_t>(next))));
    ASSERT_LE(table.size(), 8U);
  }
}

}  // namespace
}  // namespace mosaik
