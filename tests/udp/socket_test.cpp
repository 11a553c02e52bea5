#include "transport/udp/socket.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "transport/udp/interfaces.hpp"

namespace mosaik::udp {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const SocketAddress any_v4 = SocketAddress::v4({0, 0, 0, 0}, 0);
const SocketAddress loopback_v4 = SocketAddress::v4({127, 0, 0, 1}, 0);
const SocketAddress second_loopback = SocketAddress::v4({127, 0, 0, 2}, 0);
const SocketAddress loopback_v6 = SocketAddress::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 0);
const SocketAddress any_v6 = SocketAddress::v6({}, 0);

/// Waits for an event that must come; the bound only ends a broken test.
bool wait_for(const Socket& socket, short events) {
  pollfd entry{.fd = socket.fd(), .events = events, .revents = 0};
  return ::poll(&entry, 1, 10'000) == 1 && (entry.revents & (events | POLLERR)) != 0;
}

struct Datagram {
  DatagramPath path;
  std::vector<std::uint8_t> bytes;
};

std::vector<Datagram> receive(Socket& socket, std::size_t count) {
  std::vector<Datagram> out;
  while (out.size() < count && wait_for(socket, POLLIN)) {
    socket.receive(count - out.size(),
                   [&](const Received& one) { out.push_back({one.path, {one.bytes.begin(), one.bytes.end()}}); });
  }
  return out;
}

std::vector<std::uint8_t> pattern(std::size_t size) {
  std::vector<std::uint8_t> out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 31 + i / 251);
  return out;
}

DatagramPath to(const Socket& socket, const SocketAddress& host) {
  return {.local = host.is_v4() ? any_v4 : any_v6, .remote = host.with_port(socket.local().port())};
}

/// An address where nobody listens: it was ours a moment ago.
SocketAddress deserted(const SocketAddress& host) {
  return Socket::open(host).value().local();
}

class EachFamily : public ::testing::TestWithParam<SocketAddress> {
 protected:
  void SetUp() override {
    if (!Socket::open(GetParam())) GTEST_SKIP() << "no " << GetParam() << " on this computer";
  }
};

TEST_P(EachFamily, carries_datagrams_there_and_back) {
  Socket a = Socket::open(GetParam()).value();
  Socket b = Socket::open(GetParam()).value();
  EXPECT_NE(a.local().port(), 0);

  const auto question = pattern(1200);
  ASSERT_TRUE(a.send(to(b, GetParam()), question, question.size()));
  const auto asked = receive(b, 1);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].bytes, question);
  EXPECT_EQ(asked[0].path.remote, a.local());
  EXPECT_EQ(asked[0].path.local, b.local());

  const auto answer = pattern(7);
  ASSERT_TRUE(b.send(asked[0].path, answer, answer.size()));
  const auto answered = receive(a, 1);
  ASSERT_EQ(answered.size(), 1U);
  EXPECT_EQ(answered[0].bytes, answer);
  EXPECT_EQ(answered[0].path.remote, b.local());
}

TEST_P(EachFamily, tells_where_a_datagram_was_refused_and_quotes_it) {
  Socket socket = Socket::open(GetParam()).value();
  const SocketAddress nobody = deserted(GetParam());
  const auto probe = pattern(64);
  ASSERT_TRUE(socket.send({.local = socket.local(), .remote = nobody}, probe, probe.size()));
  ASSERT_TRUE(wait_for(socket, 0));

  std::vector<Datagram> refused;
  socket.receive_errors([&](const Unreachable& one) {
    EXPECT_EQ(one.kind, Unreachable::Kind::port);
    refused.push_back({{.local = {}, .remote = one.remote}, {one.quoted.begin(), one.quoted.end()}});
  });
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].path.remote, nobody);
  EXPECT_EQ(refused[0].bytes, probe);
  EXPECT_EQ(socket.receive_errors([](const Unreachable&) { ADD_FAILURE(); }), 0U);
}

TEST_P(EachFamily, a_refused_peer_does_not_hide_another) {
  Socket socket = Socket::open(GetParam()).value();
  Socket good = Socket::open(GetParam()).value();
  const auto bytes = pattern(100);

  // The error of the first waits at the socket when the second is sent to,
  ASSERT_TRUE(socket.send({.local = socket.local(), .remote = deserted(GetParam())}, bytes, bytes.size()));
  ASSERT_TRUE(wait_for(socket, 0));
  ASSERT_TRUE(socket.send(to(good, GetParam()), bytes, bytes.size()));
  EXPECT_EQ(receive(good, 1).size(), 1U);
  EXPECT_EQ(socket.counters().sent, 2U);
  EXPECT_EQ(socket.counters().lost, 0U);
  EXPECT_EQ(socket.counters().send_calls, 3U) << "the kernel told of no old error: this test tests nothing";

  // and when the second's answer is read.
  ASSERT_TRUE(socket.send({.local = socket.local(), .remote = deserted(GetParam())}, bytes, bytes.size()));
  ASSERT_TRUE(wait_for(socket, 0));
  ASSERT_TRUE(good.send(to(socket, GetParam()), bytes, bytes.size()));
  EXPECT_EQ(receive(socket, 1).size(), 1U);
}

TEST_P(EachFamily, splits_a_batch_into_the_datagrams_that_were_sent) {
  Socket sender = Socket::open(GetParam()).value();
  Socket receiver = Socket::open(GetParam()).value();
  constexpr std::size_t segment = 1200;
  const auto bytes = pattern(39 * segment + 17);  // 40 datagrams, the last one short
  ASSERT_TRUE(sender.send(to(receiver, GetParam()), bytes, segment));
  EXPECT_EQ(sender.counters().sent, 40U);
  EXPECT_EQ(sender.counters().send_calls, 1U);

  const auto got = receive(receiver, 40);
  ASSERT_EQ(got.size(), 40U);
  std::vector<std::uint8_t> joined;
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].bytes.size(), i + 1 < got.size() ? segment : 17U);
    EXPECT_EQ(got[i].path.remote, sender.local());
    joined.insert(joined.end(), got[i].bytes.begin(), got[i].bytes.end());
  }
  EXPECT_EQ(joined, bytes);
  EXPECT_LT(receiver.counters().receive_calls, 10U);
}

TEST_P(EachFamily, sends_the_same_datagrams_without_gso_and_gro) {
  Socket sender = Socket::open(GetParam(), {.gso = false}).value();
  Socket receiver = Socket::open(GetParam(), {.gro = false}).value();
  const auto bytes = pattern(9 * 1000 + 1);
  ASSERT_TRUE(sender.send(to(receiver, GetParam()), bytes, 1000));
  EXPECT_EQ(sender.counters().send_calls, 10U);
  const auto got = receive(receiver, 10);
  ASSERT_EQ(got.size(), 10U);
  std::vector<std::uint8_t> joined;
  for (const auto& one : got) joined.insert(joined.end(), one.bytes.begin(), one.bytes.end());
  EXPECT_EQ(joined, bytes);
}

TEST_P(EachFamily, sends_an_item_larger_than_one_gso_call) {
  Socket sender = Socket::open(GetParam()).value();
  Socket receiver = Socket::open(GetParam()).value();
  const auto bytes = pattern(100 * 1200);
  ASSERT_TRUE(sender.send(to(receiver, GetParam()), bytes, 1200));
  EXPECT_EQ(sender.counters().sent, 100U);
  EXPECT_EQ(sender.counters().send_calls, 2U);
  EXPECT_EQ(receive(receiver, 100).size(), 100U);
}

TEST_P(EachFamily, a_datagram_that_no_path_can_carry_is_counted_as_lost) {
  Socket sender = Socket::open(GetParam()).value();
  Socket receiver = Socket::open(GetParam()).value();
  const auto huge = pattern(70'000);
  EXPECT_TRUE(sender.send(to(receiver, GetParam()), huge, huge.size()));
  EXPECT_EQ(sender.counters().lost, 1U);
  const auto bytes = pattern(3 * 1200);
  EXPECT_TRUE(sender.send(to(receiver, GetParam()), bytes, 1200));
  EXPECT_EQ(sender.counters().sent, 3U);
  EXPECT_EQ(receive(receiver, 3).size(), 3U);
}

TEST_P(EachFamily, delivers_an_empty_datagram) {
  Socket receiver = Socket::open(GetParam()).value();
  Socket sender = Socket::open(GetParam()).value();
  // Our own send has no use for empty ones, but anybody may send one.
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  ASSERT_EQ(::getsockname(receiver.fd(), reinterpret_cast<sockaddr*>(&name), &size), 0);
  ASSERT_EQ(::sendto(sender.fd(), "", 0, 0, reinterpret_cast<sockaddr*>(&name), size), 0);
  const auto got = receive(receiver, 1);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_TRUE(got[0].bytes.empty());
}

TEST_P(EachFamily, says_which_port_is_taken_and_what_to_do) {
  const Socket first = Socket::open(GetParam()).value();
  const auto second = Socket::open(first.local());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::in_use);
  EXPECT_EQ(second.error().message,
            "cannot bind " + first.local().text() +
                ": address already in use; choose another --listen port or stop the other process");
}

INSTANTIATE_TEST_SUITE_P(Udp, EachFamily, ::testing::Values(loopback_v4, loopback_v6),
                         [](const auto& test) { return test.param.is_v4() ? "v4" : "v6"; });

TEST(Socket, reports_the_address_that_was_dialled_and_answers_from_it) {
  Socket server = Socket::open(any_v4).value();
  Socket client = Socket::open(loopback_v4).value();
  const auto bytes = pattern(20);
  ASSERT_TRUE(client.send(to(server, second_loopback), bytes, bytes.size()));
  const auto asked = receive(server, 1);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].path.local, second_loopback.with_port(server.local().port()));

  ASSERT_TRUE(server.send(asked[0].path, bytes, bytes.size()));
  const auto answered = receive(client, 1);
  ASSERT_EQ(answered.size(), 1U);
  EXPECT_EQ(answered[0].path.remote, second_loopback.with_port(server.local().port()));
}

TEST(Socket, a_path_that_refuses_our_address_does_not_end_gso) {
  Socket sender = Socket::open(any_v4).value();
  Socket receiver = Socket::open(loopback_v4).value();
  const auto bytes = pattern(4 * 1200);
  const SocketAddress foreign = SocketAddress::v4({192, 0, 2, 77}, 0);  // documentation range: never an address of ours
  ASSERT_TRUE(sender.send({.local = foreign, .remote = receiver.local()}, bytes, 1200));
  EXPECT_EQ(sender.counters().lost, 4U);

  const std::uint64_t before = sender.counters().send_calls;
  ASSERT_TRUE(sender.send(to(receiver, loopback_v4), bytes, 1200));
  EXPECT_EQ(sender.counters().send_calls, before + 1);
  EXPECT_EQ(receive(receiver, 4).size(), 4U);
}

TEST(Socket, a_remote_of_the_other_family_is_counted_as_lost) {
  Socket socket = Socket::open(loopback_v4).value();
  const auto bytes = pattern(10);
  EXPECT_TRUE(socket.send({.local = any_v4, .remote = loopback_v6.with_port(9)}, bytes, bytes.size()));
  EXPECT_EQ(socket.counters().lost, 1U);
}

TEST(Socket, both_families_share_a_port) {
  const auto v6 = Socket::open(any_v6);
  if (!v6) GTEST_SKIP() << v6.error().message;
  const auto v4 = Socket::open(any_v4.with_port(v6->local().port()));
  EXPECT_TRUE(v4) << v4.error().message;
}

TEST(Socket, an_address_of_another_computer_is_refused_in_words) {
  const auto socket = Socket::open(SocketAddress::v4({192, 0, 2, 77}, 4433));
  ASSERT_FALSE(socket);
  EXPECT_THAT(socket.error().message, StartsWith("cannot bind 192.0.2.77:4433: no interface"));
  EXPECT_THAT(socket.error().message, EndsWith("choose another --listen address"));
}

TEST(Socket, delivers_no_more_than_asked_when_datagrams_come_singly) {
  Socket sender = Socket::open(loopback_v4, {.gso = false}).value();
  Socket receiver = Socket::open(loopback_v4, {.gro = false}).value();
  const auto bytes = pattern(5 * 10);
  ASSERT_TRUE(sender.send(to(receiver, loopback_v4), bytes, 10));
  std::size_t seen = 0;
  ASSERT_TRUE(wait_for(receiver, POLLIN));
  EXPECT_EQ(receiver.receive(3, [&](const Received&) { ++seen; }), 3U);
  EXPECT_EQ(seen, 3U);
  EXPECT_EQ(receiver.receive(100, [&](const Received&) { ++seen; }), 2U);
}

TEST(Socket, is_closed_on_exec_and_closed_when_moved_over) {
  Socket a = Socket::open(loopback_v4).value();
  Socket b = Socket::open(loopback_v4).value();
  EXPECT_NE(::fcntl(a.fd(), F_GETFD) & FD_CLOEXEC, 0);
  const SocketAddress freed = a.local();
  a = std::move(b);
  EXPECT_TRUE(Socket::open(freed)) << "the socket that was moved over is still open";
}

TEST(Socket, tells_what_it_could_not_send_for_its_size) {
  Socket a = Socket::open(loopback_v4).value();
  std::vector<std::uint8_t> large(65'530, 7);
  EXPECT_TRUE(a.send({.local = {}, .remote = a.local()}, large, 0)) << "lost, not blocked";
  std::size_t told = 0;
  const auto note = [&](const Unreachable& error) {
    ++told;
    EXPECT_EQ(error.kind, Unreachable::Kind::too_big);
    EXPECT_EQ(error.remote, a.local());
    EXPECT_EQ(error.too_big.sent, large.size());
    EXPECT_TRUE(std::ranges::all_of(error.quoted, [](std::uint8_t byte) { return byte == 7; }));
    EXPECT_GE(error.quoted.size(), 28U);
  };
  a.receive_own_errors(note);
  a.receive_own_errors(note);
  EXPECT_EQ(told, 1U);
}

TEST(InterfaceAddresses, are_of_this_computer_and_best_first) {
  const auto found = interface_addresses();
  ASSERT_FALSE(found.empty());
  EXPECT_TRUE(std::ranges::is_sorted(found, {}, &HostAddress::standing));
  for (const auto& [address, standing] : found) {
    EXPECT_EQ(address.port(), 0);
    EXPECT_FALSE(address.is_unspecified());
    EXPECT_EQ(address.is_loopback(), standing == Standing::loopback) << address;
    EXPECT_EQ(address.is_link_local(), standing == Standing::link_local) << address;
    EXPECT_TRUE(Socket::open(address)) << address << " is not an address of this computer";
  }
}

TEST(InterfaceAddresses, are_the_same_without_netlink) {
  EXPECT_EQ(interface_addresses_without_netlink(), interface_addresses());
}

}  // namespace
}  // namespace mosaik::udp
