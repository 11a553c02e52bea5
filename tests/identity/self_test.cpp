#include <gtest/gtest.h>

#include <limits>

#include "base/limits.hpp"
#include "identity/entry.hpp"
#include "wire/entries.hpp"

namespace mosaik::identity {
namespace {

class SelfTest : public testing::Test {
 protected:
  static Self make(Wall now, std::int64_t last_started = 0) {
    return {crypto::SecretKey::from_seed(Bytes32{7}), test::filled<NetworkId>(1), now, last_started};
  }
  static void expect_valid(const Self& self) {
    Verifier verifier(10);
    const Result<EntryRef> verified = verifier.verify(self.entry()->bytes);
    ASSERT_TRUE(verified);
    EXPECT_EQ((*verified)->entry, self.entry()->entry);
    EXPECT_EQ((*verified)->digest, self.entry()->digest);
  }
  static GroupId group(std::uint8_t value) { return test::filled<GroupId>(value); }

  Self self = make({1000});
};

TEST_F(SelfTest, starts_with_a_signed_entry_of_its_own_network) {
  EXPECT_EQ(self.entry()->id(), self.id());
  EXPECT_EQ(self.entry()->entry.network, test::filled<NetworkId>(1));
  EXPECT_EQ(self.entry()->entry.version, (EntryVersion{1000, 1000}));
  EXPECT_EQ(self.entry()->entry.protocol, "0.4.2+cpp.1");
  EXPECT_TRUE(self.entry()->labelled_cpp());
  expect_valid(self);
}

TEST_F(SelfTest, is_a_newer_incarnation_even_when_the_clock_went_back) {
  EXPECT_EQ(make({1000}, 900).started(), 1000);
  EXPECT_EQ(make({1000}, 1000).started(), 1001);
  EXPECT_EQ(make({1000}, 5000).started(), 5001);
  EXPECT_EQ(make({1000}, std::numeric_limits<std::int64_t>::max()).started(), std::numeric_limits<std::int64_t>::max());
}

TEST_F(SelfTest, dates_each_change_later_than_the_last) {  // spec: discovery 1.7
  self.refresh({2000});
  EXPECT_EQ(self.entry()->entry.version, (EntryVersion{1000, 2001}));
  self.refresh({1500});
  EXPECT_EQ(self.entry()->entry.version, (EntryVersion{1000, 2002})) << "the clock went back";
  self.refresh({3000});
  EXPECT_EQ(self.entry()->entry.version, (EntryVersion{1000, 3001}));
  expect_valid(self);
}

TEST_F(SelfTest, joins_and_leaves_groups) {
  EXPECT_TRUE(self.join(group(2), {2000}));
  EXPECT_TRUE(self.join(group(1), {2000}));
  EXPECT_EQ(self.entry()->entry.groups, (std::vector{group(1), group(2)}));
  expect_valid(self);
  const EntryRef before = self.entry();
  EXPECT_FALSE(self.join(group(1), {2000}));
  EXPECT_FALSE(self.leave(group(3), {2000}));
  EXPECT_EQ(self.entry()->digest, before->digest) << "nothing changed, nothing is signed";
  EXPECT_TRUE(self.leave(group(2), {2000}));
  EXPECT_FALSE(self.entry()->names(group(2)));
  EXPECT_TRUE(before->names(group(2))) << "an entry that was handed out stays as it was";
  expect_valid(self);
}

TEST_F(SelfTest, keeps_tags_sorted_and_unique) {
  const auto tag = [](std::uint8_t value) { return test::filled<Tag>(value); };
  EXPECT_TRUE(self.set_tags({tag(3), tag(1), tag(3)}, {2000}));
  EXPECT_EQ(self.entry()->entry.tags, (std::vector{tag(1), tag(3)}));
  EXPECT_FALSE(self.set_tags({tag(1), tag(3)}, {2000}));
  EXPECT_TRUE(self.set_tags({}, {2000}));
  expect_valid(self);
}

TEST_F(SelfTest, advertises_only_what_others_can_use) {
  const auto address = [](std::string_view text) { return SocketAddress::parse(text).value(); };
  EXPECT_TRUE(self.set_addresses(
      {address("[2001:db8::1]:4433"), address("192.0.2.7:4433"), address("[fe80::1]:4433"), address("[febf::1]:4433"),
       address("0.0.0.0:4433"), address("[::]:4433"), address("192.0.2.8:0"), address("192.0.2.7:4433")},
      {2000}));
  EXPECT_EQ(self.entry()->entry.sockets(), (std::vector{address("192.0.2.7:4433"), address("[2001:db8::1]:4433")}));
  EXPECT_FALSE(self.set_addresses({address("192.0.2.7:4433"), address("[2001:db8::1]:4433")}, {2000}));
  expect_valid(self);
}

TEST_F(SelfTest, keeps_the_first_addresses_that_it_is_given) {
  std::vector<SocketAddress> addresses;
  for (std::uint8_t i = 100; i > 0; --i) addresses.push_back(SocketAddress::v4({10, 0, 0, i}, 1));
  EXPECT_TRUE(self.set_addresses(addresses, {2000}));
  const auto kept = self.entry()->entry.sockets();
  EXPECT_EQ(kept.front(), SocketAddress::v4({10, 0, 0, 69}, 1));
  EXPECT_EQ(kept.back(), SocketAddress::v4({10, 0, 0, 100}, 1));
  expect_valid(self);
}

TEST_F(SelfTest, stays_within_the_limits_that_others_put_on_entries) {
  std::vector<SocketAddress> addresses;
  std::vector<Tag> tags;
  for (std::uint16_t i = 1; i <= 300; ++i) {
    addresses.push_back(SocketAddress::v6({0x20, 1}, i));
    tags.push_back(Tag(Bytes32{static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i)}));
  }
  EXPECT_TRUE(self.set_addresses(addresses, {2000}));
  EXPECT_TRUE(self.set_tags(tags, {2000}));
  for (std::uint8_t i = 0; i < limits::groups; ++i) EXPECT_TRUE(self.join(group(i), {2000}));
  EXPECT_FALSE(self.join(group(limits::groups), {2000}));
  EXPECT_EQ(self.entry()->entry.addresses.size(), limits::entry_addresses);
  EXPECT_EQ(self.entry()->entry.tags.size(), limits::entry_items);
  EXPECT_LE(self.entry()->bytes.size(), limits::entry_bytes);
  expect_valid(self);
}

}  // namespace
}  // namespace mosaik::identity
