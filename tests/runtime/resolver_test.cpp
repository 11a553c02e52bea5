#include <netdb.h>

#include "runtime/resolver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace mosaik::runtime {
namespace {

using testing::ElementsAre;

SocketAddress address(std::string_view text) {
  return SocketAddress::parse(text).value();
}

TEST(Resolver, takes_addresses_as_they_are) {
  EXPECT_THAT(look_up("192.0.2.7", 4433).value(), ElementsAre(address("192.0.2.7:4433")));
  EXPECT_THAT(look_up("2001:db8::7", 4433).value(), ElementsAre(address("[2001:db8::7]:4433")));
}

TEST(Resolver, knows_the_local_host_by_name) {
  addrinfo* known = nullptr;
  if (getaddrinfo("localhost", nullptr, nullptr, &known) != 0) GTEST_SKIP() << "this host has no name for itself";
  freeaddrinfo(known);
  const auto found = look_up("localhost", 80);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(std::ranges::all_of(*found, &SocketAddress::is_loopback));
  EXPECT_THAT(*found, testing::Each(testing::Property(&SocketAddress::port, 80)));
}

TEST(Resolver, names_the_host_that_it_cannot_find) {
  const auto found = look_up("no such host.invalid", 80);
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, testing::StartsWith("cannot resolve 'no such host.invalid': "));
}

TEST(Inbox, wakes_its_loop_once_for_many_requests) {
  const auto inbox = Inbox::open().value();
  inbox->post([](Step*) {});
  inbox->post([](Step*) {});
  inbox->acknowledge();
  EXPECT_EQ(inbox->take().size(), 2U);
  EXPECT_TRUE(inbox->take().empty());
}

TEST(Inbox, runs_each_request_exactly_once_though_the_loop_ends_meanwhile) {
  for (int turn = 0; turn < 200; ++turn) {
    const auto inbox = Inbox::open().value();
    std::atomic<int> runs = 0;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
          for (int request = 0; request < 20; ++request) inbox->post([&runs](Step*) { ++runs; });
        });
      threads.emplace_back([&] { inbox->end(); });
    }
    EXPECT_EQ(runs, 60);
  }
}

}  // namespace
}  // namespace mosaik::runtime
