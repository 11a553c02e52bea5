/// What a silent address, a silent host and all hearsay together may be sent.

#include "base/dial_budget.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "base/random.hpp"

namespace mosaik {
namespace {

using enum DialStanding;

SocketAddress at(std::uint8_t host, std::uint16_t port = 4433) {
  return SocketAddress::v4({192, 0, 2, host}, port);
}
SocketAddress far(std::uint32_t host) {
  return SocketAddress::v4({198, 51, static_cast<std::uint8_t>(host >> 8U), static_cast<std::uint8_t>(host)}, 4433);
}

struct DialBudgetTest : testing::Test {
  DialBudget budget;
  Mono now{1000s};
  std::uint64_t dials = 0;

  bool may(DialStanding standing, const SocketAddress& address) { return budget.ask(now, standing, address) <= now; }
  std::uint64_t send(DialStanding standing, const SocketAddress& address) {
    EXPECT_TRUE(may(standing, address)) << address;
    budget.on_sent(now, ++dials, standing, address);
    return dials;
  }
  /// Dials as often as it may for so long, and nobody answers; a dial is given up after a second.
  std::size_t dial_in_vain(DialStanding standing, const SocketAddress& address, Nanoseconds span,
                           DialBudget::End how = DialBudget::End::silent, Nanoseconds patience = 1s) {
    std::size_t sent = 0;
    for (const Mono end = now + span; now < end; now += 10ms) {
      if (!may(standing, address)) continue;
      budget.on_end(now + patience, send(standing, address), how);
      ++sent;
    }
    return sent;
  }
};

TEST_F(DialBudgetTest, all_hearsay_gets_four_first_packets_a_second) {
  std::size_t sent = 0;
  for (const Mono end = now + 1s; now < end; now += 10ms) {
    if (!may(hearsay, far(static_cast<std::uint32_t>(sent)))) continue;
    send(hearsay, far(static_cast<std::uint32_t>(sent++)));
  }
  EXPECT_EQ(sent, 4U);
  now += 1ms;
  EXPECT_TRUE(may(hearsay, far(100)));
}

TEST_F(DialBudgetTest, no_minute_sees_more_than_the_bytes_of_hearsay) {
  std::deque<Mono> past;
  std::size_t sent = 0;
  Rng rng(7);
  for (const Mono end = now + 600s; now < end; now += rng.between(1ms, 400ms)) {
    // It is asked eagerly for a while, and then not at all: what was saved up may not add up.
    if ((now - Mono{}) % 180s > 100s) continue;
    const SocketAddress address = far(static_cast<std::uint32_t>(++sent % 60'000));
    if (!may(hearsay, address)) continue;
    send(hearsay, address);
    past.push_back(now);
    while (past.front() <= now - 60s) past.pop_front();
    EXPECT_LE(past.size() * limits::first_packet, limits::hearsay_bytes);
  }
}

TEST_F(DialBudgetTest, an_answer_gives_back_what_the_packet_cost) {
  for (std::uint32_t i = 0; i < 40; ++i) {
    const auto dial = send(hearsay, far(i));
    budget.on_answer(now, dial, far(i));
    if (i % 4 == 3) now += 1s;
  }
}

TEST_F(DialBudgetTest, more_bytes_of_hearsay_count) {
  const auto dial = send(hearsay, far(1));
  now += 1s;
  budget.on_more(now, dial, limits::hearsay_bytes / 2);
  EXPECT_FALSE(may(hearsay, far(2)));
  const auto attested_dial = send(attested, far(3));
  budget.on_more(now, attested_dial, 1 << 20);
  now += 61s;
  EXPECT_TRUE(may(hearsay, far(2))) << "bytes to an attested address are not hearsay's";
}

TEST_F(DialBudgetTest, a_silent_address_gets_three_at_first_and_six_a_minute_then) {
  EXPECT_EQ(dial_in_vain(attested, at(1), 9s), 3U);
  EXPECT_EQ(dial_in_vain(attested, at(1), 60s), 6U);
  EXPECT_EQ(dial_in_vain(attested, at(1), 60s), 6U);
  now += 31s;
  EXPECT_EQ(dial_in_vain(attested, at(1), 9s), 3U) << "left alone for long enough";
}

TEST_F(DialBudgetTest, one_unanswered_first_packet_at_a_time) {
  const auto dial = send(attested, at(1));
  EXPECT_FALSE(may(attested, at(1)));
  EXPECT_FALSE(may(attested, at(1, 9))) << "another port of the host";
  EXPECT_TRUE(may(attested, at(2)));
  budget.on_end(now, dial, DialBudget::End::silent);
  EXPECT_TRUE(may(attested, at(1)));
}

TEST_F(DialBudgetTest, a_silent_host_is_left_alone_whatever_its_port) {
  std::size_t sent = 0;
  for (const Mono end = now + 69s; now < end; now += 10ms) {
    const SocketAddress address = at(1, static_cast<std::uint16_t>(1 + sent));
    if (!may(attested, address)) continue;
    budget.on_end(now, send(attested, address), DialBudget::End::silent);
    ++sent;
  }
  EXPECT_LE(sent, 3U + 7U);
}

TEST_F(DialBudgetTest, a_host_that_answers_is_sent_more_at_a_time) {
  for (std::uint16_t port = 1; port <= 8; ++port) {
    const auto dial = send(attested, at(1, port));
    budget.on_answer(now, dial, at(1, port));
  }
  std::vector<std::uint64_t> running;
  for (std::uint16_t port = 101; port <= 108; ++port) running.push_back(send(attested, at(1, port)));
  for (const std::uint64_t dial : running) budget.on_end(now, dial, DialBudget::End::refused);
  const auto dial = send(attested, at(1, 200));
  EXPECT_FALSE(may(attested, at(1, 201))) << "it answered no more";
  budget.on_answer(now, dial, at(1, 200));
}

TEST_F(DialBudgetTest, a_port_that_nobody_has_is_left_alone_and_its_host_less_so) {
  EXPECT_EQ(dial_in_vain(attested, at(1), 9s, DialBudget::End::refused, 1ms), 3U);
  EXPECT_FALSE(may(attested, at(1)));
  EXPECT_TRUE(may(attested, at(1, 9)));
}

TEST_F(DialBudgetTest, hearsay_costs_no_attested_peer_its_turn) {
  dial_in_vain(hearsay, at(1), 9s);
  EXPECT_FALSE(may(hearsay, at(1)));
  EXPECT_TRUE(may(attested, at(1)));
}

TEST_F(DialBudgetTest, what_is_proven_has_no_limit) {
  for (int i = 0; i < 1000; ++i) send(proven, at(1));
  EXPECT_EQ(budget.running(), 0U);
  EXPECT_EQ(budget.remembered(), 0U);
}

TEST_F(DialBudgetTest, attested_dials_have_a_limit_at_a_time) {
  std::uint64_t last = 0;
  for (std::uint32_t i = 0; i < limits::attested_dials; ++i) last = send(attested, far(i));
  EXPECT_FALSE(may(attested, far(1000)));
  budget.on_end(now, last, DialBudget::End::silent);
  EXPECT_TRUE(may(attested, far(1000)));
}

TEST_F(DialBudgetTest, processes_of_this_computer_are_dialed_together) {
  const auto local = [](std::uint16_t port) { return SocketAddress::v4({127, 0, 0, 1}, port); };
  std::vector<std::uint64_t> running;
  for (std::uint16_t port = 1; port <= 8; ++port) running.push_back(send(attested, local(port)));
  EXPECT_FALSE(may(attested, local(9)));
  for (const std::uint64_t dial : running) budget.on_end(now, dial, DialBudget::End::refused);
  EXPECT_TRUE(may(attested, local(9))) << "that nobody listens costs no third party anything";
  running.clear();
  for (std::uint16_t port = 9; port <= 16; ++port) running.push_back(send(attested, local(port)));
  for (const std::uint64_t dial : running) budget.on_end(now, dial, DialBudget::End::silent);
  EXPECT_FALSE(may(attested, local(17))) << "silence is a victim's";
}

TEST_F(DialBudgetTest, a_silent_computer_of_our_own_is_left_alone_as_any_other) {
  std::deque<std::pair<Mono, std::uint64_t>> running;
  std::size_t sent = 0;
  for (const Mono end = now + 60s; now < end; now += 10ms) {
    while (!running.empty() && running.front().first <= now) {
      budget.on_end(now, running.front().second, DialBudget::End::silent);
      running.pop_front();
    }
    const auto address = SocketAddress::v4({127, 0, 0, 1}, static_cast<std::uint16_t>(1 + sent));
    if (!may(attested, address)) continue;
    running.emplace_back(now + 1s, send(attested, address));
    ++sent;
  }
  EXPECT_LE(sent, 8U + 6U);
}

TEST_F(DialBudgetTest, an_address_is_doubtful_after_two_silences) {
  for (int silences = 0; silences < 2; ++silences) {
    EXPECT_FALSE(budget.doubtful(now, attested, at(1)));
    budget.on_end(now, send(attested, at(1)), DialBudget::End::silent);
  }
  EXPECT_TRUE(budget.doubtful(now, attested, at(1)));
  EXPECT_FALSE(budget.doubtful(now, attested, at(2)));
  EXPECT_FALSE(budget.doubtful(now + 61s, attested, at(1)));
}

TEST_F(DialBudgetTest, nothing_is_gained_by_filling_the_tables) {
  EXPECT_EQ(dial_in_vain(attested, at(1), 9s), 3U);
  std::size_t sent = 0;
  const Mono begun = now;
  for (std::uint32_t i = 0; sent < 2 * limits::dial_places && now < begun + 9s; ++i) {
    const SocketAddress address = SocketAddress::v4(
        {10, static_cast<std::uint8_t>(i >> 16U), static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i)}, 1);
    if (may(attested, address)) {
      budget.on_end(now, send(attested, address), DialBudget::End::silent);
      ++sent;
    } else {
      now += 10ms;
    }
  }
  EXPECT_LE(budget.remembered(), limits::dial_places);
  EXPECT_LE(sent, limits::dial_places / 2 + 9 * limits::hearsay_dials) << "what is not remembered counts as hearsay";
}

TEST_F(DialBudgetTest, those_that_wait_for_one_place_come_one_after_the_other) {
  send(attested, at(1));
  std::vector<Mono> times;
  for (std::uint16_t port = 1; port <= 50; ++port) times.push_back(budget.ask(now, attested, at(1, port)));
  EXPECT_TRUE(std::ranges::is_sorted(times));
  EXPECT_GE(times.back() - times.front(), 50ms);
}

TEST_F(DialBudgetTest, of_several_addresses_the_silent_ones_are_counted) {
  budget.on_sent(now, 1, attested, at(1));
  budget.on_sent(now, 1, attested, at(2));
  budget.on_answer(now, 1, at(2));
  EXPECT_EQ(budget.running(), 0U);
  for (int i = 0; i < 2; ++i) {
    budget.on_end(now, send(attested, at(1)), DialBudget::End::silent);
    budget.on_end(now, send(attested, at(2)), DialBudget::End::silent);
  }
  EXPECT_FALSE(may(attested, at(1)));
  EXPECT_TRUE(may(attested, at(2)));
}

TEST_F(DialBudgetTest, invented_addresses_of_one_network_are_one_host) {
  std::array<std::uint8_t, 16> octets = {0x20, 0x01, 0x0d, 0xb8};
  std::size_t sent = 0;
  for (std::uint8_t i = 1; i <= 200; ++i, now += 250ms) {
    octets[15] = i;
    const SocketAddress address = SocketAddress::v6(octets, 4433);
    if (!may(attested, address)) continue;
    budget.on_end(now, send(attested, address), DialBudget::End::silent);
    ++sent;
  }
  EXPECT_LE(sent, limits::silences_at_once + limits::silences_a_minute);
}

}  // namespace
}  // namespace mosaik
