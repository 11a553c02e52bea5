// The sockets of sentinels: who is let in, what an end looks like, and what forked children keep.

#include <arpa/inet.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/exhausted.hpp"
#include "base/limits.hpp"
#include "crypto/hash.hpp"
#include "runtime/clock.hpp"
#include "runtime/sentinel_sockets.hpp"

namespace mosaik::runtime {
namespace {

class SentinelSocketsOfTwo : public testing::Test {
 protected:
  struct Side {
    std::vector<udp::Socket> udp;
    std::unique_ptr<SentinelSockets> sentinels;
    std::vector<SentinelNews> news;
  };
  static Side make_side() {
    Side out;
    out.udp.push_back(*udp::Socket::open(*SocketAddress::parse("127.0.0.1:0")));
    out.sentinels = std::make_unique<SentinelSockets>(out.udp);
    return out;
  }
  /// Serves both sides until `done`, at most 5 s.
  template <class F>
  bool serve(F&& done) {
    const Mono end = read_clock().mono + 5s;
    while (!done() && read_clock().mono < end) {
      std::array<pollfd, 2> fds{pollfd{a_.sentinels->fd(), POLLIN, 0}, pollfd{b_.sentinels->fd(), POLLIN, 0}};
      ::poll(fds.data(), fds.size(), 20);
      for (Side* side : {&a_, &b_}) {
        for (const SentinelNews& news : side->sentinels->receive(read_clock())) side->news.push_back(news);
        side->sentinels->expire(read_clock());
      }
    }
    return done();
  }
  void open_sentinel() {
    a_.sentinels->expect({one_, token_});
    b_.sentinels->dial({two_, at_a(), token_});
    ASSERT_TRUE(serve([&] { return a_.news.size() == 1 && b_.news.size() == 1; }));
    ASSERT_EQ(a_.news.front(), (SentinelNews{one_, std::nullopt}));
    ASSERT_EQ(b_.news.front(), (SentinelNews{two_, std::nullopt}));
  }
  [[nodiscard]] SocketAddress at_a() const { return a_.udp.front().local().with_port(a_.sentinels->ports().v4); }
  /// A stranger's connection to a.
  [[nodiscard]] int stranger() const {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(a_.sentinels->ports().v4);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    return fd;
  }
  static bool is_closed(int fd) {
    std::uint8_t byte = 0;
    return ::recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
  }

  const Bytes32 token_ = crypto::hash({bytes_of("token")});
  const detector::SentinelId one_{1};
  const detector::SentinelId two_{2};
  Side a_ = make_side();
  Side b_ = make_side();
};

TEST_F(SentinelSocketsOfTwo, rest_when_no_descriptor_is_left) {
  if (test::sanitized) GTEST_SKIP() << "a sanitizer needs descriptors of its own";
  const Descriptor waiting(stranger());
  Now now = read_clock();
  pollfd news{a_.sentinels->fd(), POLLIN, 0};
  {
    const test::Exhausted exhausted;
    ASSERT_EQ(::poll(&news, 1, 5000), 1);
    EXPECT_TRUE(a_.sentinels->receive(now).empty());
    EXPECT_THAT(a_.sentinels->take_warning(), testing::HasSubstr("ulimit -n"));
    EXPECT_EQ(::poll(&news, 1, 0), 0) << "the loop would spin";
    EXPECT_LE(a_.sentinels->next_deadline(), now.mono + 1s);
    now.mono += 1s;
    a_.sentinels->expire(now);
    ASSERT_EQ(::poll(&news, 1, 5000), 1);
    EXPECT_TRUE(a_.sentinels->receive(now).empty());
    EXPECT_EQ(a_.sentinels->take_warning(), "") << "told already";
  }
  now.mono += 1s;
  a_.sentinels->expire(now);
  a_.sentinels->expect({one_, token_});
  ASSERT_EQ(::send(waiting.get(), token_.data(), token_.size(), 0), static_cast<ssize_t>(token_.size()));
  EXPECT_TRUE(serve([&] { return a_.news.size() == 1; })) << "who waited is let in";
}

TEST_F(SentinelSocketsOfTwo, open_by_the_expected_token) {
  open_sentinel();
}

TEST_F(SentinelSocketsOfTwo, tell_that_the_other_end_is_finished) {
  open_sentinel();
  b_.sentinels->close({two_});
  ASSERT_TRUE(serve([&] { return a_.news.size() == 2; }));
  EXPECT_EQ(a_.news.back().end, detector::SentinelEnd::finished);
  EXPECT_EQ(b_.news.size(), 1U) << "who closes hears nothing";
}

TEST_F(SentinelSocketsOfTwo, let_a_token_in_once) {
  open_sentinel();
  const int fd = stranger();
  ASSERT_EQ(::send(fd, token_.data(), token_.size(), 0), 32);
  EXPECT_TRUE(serve([&] { return is_closed(fd); }));
  EXPECT_EQ(a_.news.size(), 1U);
  ::close(fd);
}

TEST_F(SentinelSocketsOfTwo, turn_a_wrong_token_away) {
  a_.sentinels->expect({one_, token_});
  b_.sentinels->dial({two_, at_a(), crypto::hash({bytes_of("another")})});
  ASSERT_TRUE(serve([&] { return b_.news.size() == 2; }));
  EXPECT_NE(b_.news.back().end, std::nullopt);
  EXPECT_TRUE(a_.news.empty());
}

TEST_F(SentinelSocketsOfTwo, tell_that_a_dial_failed) {
  const SocketAddress nobody = SocketAddress::v4({127, 0, 0, 1}, 1);
  b_.sentinels->dial({two_, nobody, token_});
  ASSERT_TRUE(serve([&] { return b_.news.size() == 1; }));
  EXPECT_EQ(b_.news.front().end, detector::SentinelEnd::failed);
}

TEST_F(SentinelSocketsOfTwo, keep_a_bounded_number_of_strangers_and_let_the_oldest_go) {
  std::vector<int> strangers;
  for (std::size_t i = 0; i < limits::sentinel_strangers + 3; ++i) {
    strangers.push_back(stranger());
    serve([&, polled = 0]() mutable { return ++polled > 2; });
  }
  EXPECT_TRUE(serve([&] { return is_closed(strangers[0]) && is_closed(strangers[1]) && is_closed(strangers[2]); }));
  EXPECT_FALSE(is_closed(strangers.back()));
  for (const int fd : strangers) ::close(fd);
}

TEST_F(SentinelSocketsOfTwo, give_a_stranger_2_s_for_its_token) {
  const int fd = stranger();
  ASSERT_TRUE(serve([&] { return a_.sentinels->next_deadline() != never; }));
  EXPECT_LE(a_.sentinels->next_deadline() - read_clock().mono, limits::sentinel_patience);
  EXPECT_TRUE(serve([&] { return is_closed(fd); }));
  EXPECT_EQ(a_.sentinels->next_deadline(), never);
  ::close(fd);
}

TEST_F(SentinelSocketsOfTwo, end_when_the_other_end_speaks) {
  a_.sentinels->expect({one_, token_});
  const int fd = stranger();
  ASSERT_EQ(::send(fd, token_.data(), token_.size(), 0), 32);
  ASSERT_TRUE(serve([&] { return a_.news.size() == 1; }));
  ASSERT_EQ(::send(fd, "x", 1, 0), 1);
  ASSERT_TRUE(serve([&] { return a_.news.size() == 2; }));
  EXPECT_EQ(a_.news.back().end, detector::SentinelEnd::broken) << "no FIN, no proof";
  ::close(fd);
}

TEST_F(SentinelSocketsOfTwo, are_not_held_open_by_a_forked_child) {
  open_sentinel();
  std::array<int, 2> lifeline{};
  ASSERT_EQ(::pipe(lifeline.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    std::uint8_t byte = 0;
    ::close(lifeline[1]);
    static_cast<void>(::read(lifeline[0], &byte, 1));  // until the parent lets go
    ::_exit(0);
  }
  b_.sentinels.reset();  // as when the process dies: the child would hold the other descriptor
  b_.sentinels = std::make_unique<SentinelSockets>(b_.udp);
  EXPECT_TRUE(serve([&] { return a_.news.size() == 2; }));
  if (a_.news.size() == 2) {
    EXPECT_EQ(a_.news.back().end, detector::SentinelEnd::finished);
  }
  const SocketAddress was = b_.udp.front().local();
  b_.udp.clear();
  EXPECT_TRUE(udp::Socket::open(was).has_value()) << "nor the UDP port";
  ::close(lifeline[0]);
  ::close(lifeline[1]);
  int status = 0;
  ::waitpid(child, &status, 0);
}

}  // namespace
}  // namespace mosaik::runtime
