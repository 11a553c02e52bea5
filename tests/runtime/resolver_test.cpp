#include "runtime/resolver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "dns_server.hpp"
#include "runtime/a_dispatcher.hpp"

namespace mosaik::runtime {
namespace {

using dns_test::address_record;
using dns_test::Query;
using dns_test::Reply;
using dns_test::Server;
using dns_test::srv_record;
using dns_test::Type;
using std::chrono::steady_clock;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;
using testing::UnorderedElementsAre;

SocketAddress address(std::string_view text) {
  return SocketAddress::parse(text).value();
}

/// A loop with nothing but a resolver.
class ResolverLoop {
 public:
  explicit ResolverLoop(Dns::Options options = {}) : resolver_(inbox_, std::move(options)) {}

  void ask(const std::string& host, std::uint16_t port, Names names = Names::host) {
    ++open_;
    resolver_.resolve(
        host, port,
        [this](const Addresses& found) {
          answers_.push_back(found);
          --open_;
        },
        names);
  }
  /// Runs requests until everything that was asked is answered.
  void run() {
    while (open_ > 0) {
      pollfd wait{inbox_->wake_fd(), POLLIN, 0};
      if (::poll(&wait, 1, 30'000) != 1) return;
      inbox_->acknowledge();
      for (Request& request : inbox_->take()) request(a_dispatcher());
    }
  }
  Addresses answer_to(const std::string& host, std::uint16_t port, Names names = Names::host) {
    ask(host, port, names);
    run();
    return answers_.empty() ? Addresses(fail(Errc::internal, "no answer came within 30 s")) : answers_.back();
  }
  void end() {
    resolver_.end();
    inbox_->end();
  }
  [[nodiscard]] const std::vector<Addresses>& answers() const { return answers_; }

 private:
  std::shared_ptr<Inbox> inbox_ = Inbox::open().value();
  std::vector<Addresses> answers_;
  std::size_t open_ = 0;
  Resolver resolver_;
};

/// The error of a name that this server was asked for.
Error error_at(const Server& server, const std::string& host = "node.test", Nanoseconds patience = 9s) {
  const auto found = ResolverLoop({.servers = server.text(), .patience = patience}).answer_to(host, 7820);
  return found ? Error{Errc::internal, "found"} : found.error();
}

std::size_t open_descriptors() {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

std::size_t threads() {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}));
}

Reply both(const Query& query) {
  if (query.type == Type::a) return {.records = {address_record("192.0.2.7"), address_record("192.0.2.8")}};
  if (query.type == Type::aaaa) return {.records = {address_record("2001:db8::7")}};
  return {};
}

TEST(Resolver, takes_addresses_as_they_are) {
  const std::size_t before = threads();
  ResolverLoop loop;
  EXPECT_THAT(loop.answer_to("192.0.2.7", 4433).value(), ElementsAre(address("192.0.2.7:4433")));
  EXPECT_THAT(loop.answer_to("2001:db8::7", 4433).value(), ElementsAre(address("[2001:db8::7]:4433")));
  EXPECT_EQ(threads(), before);
}

TEST(Resolver, knows_the_local_host_without_a_name_server) {
  Server silent([](const Query&) { return Reply{.silent = true}; });
  const auto found = ResolverLoop({.servers = silent.text()}).answer_to("localhost", 80);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, testing::Contains(address("127.0.0.1:80")));
  EXPECT_TRUE(std::ranges::all_of(*found, &SocketAddress::is_loopback));
  EXPECT_TRUE(silent.queries().empty());
}

TEST(Resolver, gives_the_addresses_of_both_families) {
  Server server(both);
  const auto found = ResolverLoop({.servers = server.text()}).answer_to("node.test", 7820);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, UnorderedElementsAre(address("192.0.2.7:7820"), address("192.0.2.8:7820"),
                                           address("[2001:db8::7]:7820")));
  for (const Query& query : server.queries()) EXPECT_NE(query.type, Type::srv);
}

TEST(Resolver, keeps_the_order_of_the_answer_and_each_address_once) {
  Server server([](const Query& query) {
    if (query.type != Type::a) return Reply{};
    return Reply{.records = {address_record("192.0.2.9"), address_record("10.0.0.1"), address_record("192.0.2.9")}};
  });
  EXPECT_THAT(ResolverLoop({.servers = server.text()}).answer_to("node.test", 1).value(),
              ElementsAre(address("192.0.2.9:1"), address("10.0.0.1:1")));
}

TEST(Resolver, bounds_the_number_of_addresses) {
  Server server([](const Query& query) {
    Reply out;
    for (int i = 0; i < 70 && query.type == Type::a; ++i)
      out.records.push_back(address_record("10.0.0." + std::to_string(i)));
    return out;
  });
  ResolverLoop loop({.servers = server.text()});
  std::set<SocketAddress> told;
  for (int round = 0; round < 1000 && told.size() < 70; ++round) {
    const auto found = loop.answer_to("many.test", 1);
    ASSERT_THAT(found.value(), SizeIs(limits::dial_candidates));
    told.insert(found->begin(), found->end());
  }
  EXPECT_THAT(told, SizeIs(70)) << "none is left out for ever";
}

TEST(Resolver, follows_the_records_of_a_service) {
  Server server([](const Query& query) {
    if (query.type == Type::srv && query.name == "group.test")
      return Reply{.records = {srv_record(1, 9001, "one.group.test")}};
    if (query.type == Type::srv && query.name == "_mosaik._udp.group.test")
      return Reply{.records = {srv_record(1, 9002, "two.group.test"), srv_record(0, 9003, "absent.group.test"),
                               srv_record(0, 9004, "")}};
    if (query.type == Type::a && query.name == "group.test") return Reply{.records = {address_record("192.0.2.1")}};
    if (query.type == Type::a && query.name == "one.group.test") return Reply{.records = {address_record("192.0.2.2")}};
    if (query.type == Type::aaaa && query.name == "two.group.test")
      return Reply{.records = {address_record("2001:db8::3")}};
    return Reply{.code = 3};
  });
  const auto found = ResolverLoop({.servers = server.text()}).answer_to("group.test", 7820, Names::service);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, UnorderedElementsAre(address("192.0.2.1:7820"), address("192.0.2.2:9001"),
                                           address("[2001:db8::3]:9002")));
}

TEST(Resolver, finds_a_service_that_has_addresses_or_records_alone) {
  Server addresses([](const Query& query) { return query.type == Type::srv ? Reply{.code = 3} : both(query); });
  EXPECT_THAT(ResolverLoop({.servers = addresses.text()}).answer_to("group.test", 7820, Names::service).value(),
              SizeIs(3));
  Server records([](const Query& query) {
    if (query.name == "_mosaik._udp.group.test" && query.type == Type::srv)
      return Reply{.records = {srv_record(0, 9002, "one.test")}};
    if (query.name == "one.test" && query.type == Type::a) return Reply{.records = {address_record("192.0.2.1")}};
    return Reply{.code = 3};
  });
  EXPECT_THAT(ResolverLoop({.servers = records.text()}).answer_to("group.test", 7820, Names::service).value(),
              ElementsAre(address("192.0.2.1:9002")));
}

TEST(Resolver, says_that_a_name_does_not_exist_or_has_no_address) {
  Server none([](const Query&) { return Reply{.code = 3}; });
  EXPECT_EQ(error_at(none).code, Errc::not_found);
  EXPECT_EQ(error_at(none).message, "cannot resolve 'node.test': no such name");
  Server empty([](const Query&) { return Reply{}; });
  EXPECT_EQ(error_at(empty).code, Errc::not_found);
  EXPECT_EQ(error_at(empty).message, "cannot resolve 'node.test': the name has no address");
  EXPECT_EQ(error_at(none, std::string(64, 'x') + ".test").code, Errc::not_found);
  EXPECT_THAT(error_at(none, "a..b").message, StartsWith("cannot resolve 'a..b': that is no host name"));
}

TEST(Resolver, names_the_servers_that_do_not_answer) {
  Server silent([](const Query&) { return Reply{.silent = true}; });
  const Error error = error_at(silent, "node.test", 300ms);
  EXPECT_EQ(error.code, Errc::unreachable);
  EXPECT_EQ(error.message, "cannot resolve 'node.test': no DNS server answers (asked: " + silent.text() + ")");
}

TEST(Resolver, says_what_a_server_or_the_system_refuses) {
  Server refusing([](const Query&) { return Reply{.code = 5}; });
  EXPECT_THAT(error_at(refusing).message, HasSubstr("the DNS server refuses the question (asked: 127.0.0.1:"));
  Server failing([](const Query&) { return Reply{.code = 2}; });
  EXPECT_THAT(error_at(failing).message, HasSubstr("the DNS server could not find out"));
  std::string gone;
  {
    const Server server(both);
    gone = server.text();
  }
  const auto found = ResolverLoop({.servers = gone}).answer_to("node.test", 1);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::unreachable);
  EXPECT_THAT(found.error().message, HasSubstr("no DNS server can be reached: Connection refused"));
}

TEST(Resolver, takes_an_answer_that_comes_after_five_seconds) {
  Server slow([](const Query& query) {
    Reply out = both(query);
    out.delay = std::chrono::seconds(5);
    return out;
  });
  const auto found = ResolverLoop({.servers = slow.text()}).answer_to("node.test", 7820);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, testing::Contains(address("192.0.2.7:7820")));
}

TEST(Resolver, does_not_wait_for_a_family_that_the_server_ignores) {
  Server half([](const Query& query) { return query.type == Type::a ? both(query) : Reply{.silent = true}; });
  const auto began = steady_clock::now();
  EXPECT_THAT(ResolverLoop({.servers = half.text()}).answer_to("node.test", 7820).value(), SizeIs(2));
  EXPECT_LT(steady_clock::now() - began, 900ms);
}

TEST(Resolver, gives_what_came_too_late_with_the_next_answer) {
  Server uneven([](const Query& query) {
    Reply out = both(query);
    if (query.type == Type::aaaa) out.delay = std::chrono::milliseconds(200);
    return out;
  });
  ResolverLoop loop({.servers = uneven.text(), .rest = 20ms});
  EXPECT_THAT(loop.answer_to("node.test", 7820).value(), SizeIs(2));
  loop.ask("node.test", 7820);
  for (int turn = 0; turn < 20 && loop.answers().back()->size() == 2; ++turn) loop.answer_to("node.test", 7820);
  EXPECT_THAT(loop.answers().back().value(), testing::Contains(address("[2001:db8::7]:7820")));
}

TEST(Resolver, finds_what_takes_longer_than_a_question_may) {
  Server slow([](const Query& query) {
    Reply out{.code = 3};
    if (query.name == "_mosaik._udp.group.test" && query.type == Type::srv)
      out = {.records = {srv_record(0, 9002, "one.test")}};
    if (query.name == "one.test" && query.type == Type::a) out = {.records = {address_record("192.0.2.1")}};
    out.delay = std::chrono::milliseconds(400);
    return out;
  });
  ResolverLoop loop({.servers = slow.text(), .patience = 600ms});
  EXPECT_FALSE(loop.answer_to("group.test", 7820, Names::service));
  const auto found = loop.answer_to("group.test", 7820, Names::service);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, ElementsAre(address("192.0.2.1:9002")));
}

TEST(Resolver, asks_over_tcp_for_what_was_truncated) {
  Server server([](const Query& query) {
    Reply out;
    for (int i = 0; i < 30 && query.type == Type::a; ++i)
      out.records.push_back(address_record("10.0.0." + std::to_string(i)));
    out.truncated = query.type == Type::a;
    return out;
  });
  const auto found = ResolverLoop({.servers = server.text()}).answer_to("many.test", 1);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, SizeIs(30));
  EXPECT_TRUE(std::ranges::any_of(server.queries(), &Query::tcp));
}

TEST(Resolver, takes_the_part_of_an_answer_that_a_server_without_tcp_cut_short) {
  Server server(
      [](const Query& query) {
        Reply out;
        for (int i = 0; i < 30 && query.type == Type::a; ++i)
          out.records.push_back(address_record("10.0.0." + std::to_string(i)));
        out.truncated = query.type == Type::a;
        out.kept = 12;
        return out;
      },
      Server::Tcp::refused);
  const auto found = ResolverLoop({.servers = server.text()}).answer_to("many.test", 1);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, SizeIs(12));
}

TEST(Resolver, survives_garbage) {
  Server server([](const Query&) { return Reply{.garbage = true}; });
  const Error error = error_at(server);
  EXPECT_EQ(error.code, Errc::unreachable);
  EXPECT_THAT(error.message, HasSubstr("sent an answer that makes no sense"));
}

TEST(Resolver, asks_the_second_server_when_the_first_is_silent) {
  Server silent([](const Query&) { return Reply{.silent = true}; });
  Server server(both);
  const auto found = ResolverLoop({.servers = silent.text() + "," + server.text()}).answer_to("node.test", 7820);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_FALSE(found->empty());
}

TEST(Resolver, is_not_held_up_by_many_names_that_nobody_answers) {
  Server server([](const Query& query) { return query.name == "good.test" ? both(query) : Reply{.silent = true}; });
  ResolverLoop loop({.servers = server.text(), .patience = 600ms});
  for (std::size_t i = 0; i + 1 < limits::name_questions; ++i) loop.ask("dead" + std::to_string(i) + ".test", 1);
  loop.ask("good.test", 1);
  for (int i = 0; i < 20; ++i) loop.ask("late" + std::to_string(i) + ".test", 1);  // these wait in line
  const std::size_t descriptors = open_descriptors();
  loop.run();
  ASSERT_THAT(loop.answers(), SizeIs(limits::name_questions + 20));
  EXPECT_THAT(loop.answers().front().value(), SizeIs(3));
  EXPECT_LT(descriptors, 100U);  // one socket serves them all
}

TEST(Resolver, ends_at_once_while_name_servers_hang) {
  Server silent([](const Query&) { return Reply{.silent = true}; });
  const std::size_t threads_before = threads();
  const std::size_t descriptors_before = open_descriptors();
  {
    ResolverLoop loop({.servers = silent.text()});
    for (int i = 0; i < 10; ++i) loop.ask("node" + std::to_string(i) + ".test", 1, Names::service);
    while (silent.queries().empty()) std::this_thread::yield();
    EXPECT_EQ(threads(), threads_before + 1);
    const auto began = steady_clock::now();
    loop.end();
    EXPECT_LT(steady_clock::now() - began, 100ms);
    ASSERT_THAT(loop.answers(), SizeIs(10));
    EXPECT_EQ(loop.answers().front().error().code, Errc::closed);
  }
  EXPECT_EQ(threads(), threads_before);
  EXPECT_EQ(open_descriptors(), descriptors_before);
}

TEST(Resolver, keeps_no_socket_when_nothing_is_asked) {
  Server server(both);
  ResolverLoop loop({.servers = server.text()});
  EXPECT_TRUE(loop.answer_to("node.test", 1));
  const std::size_t quiet = open_descriptors();
  EXPECT_TRUE(loop.answer_to("node.test", 1));
  EXPECT_TRUE(loop.answer_to("other.test", 1));
  EXPECT_EQ(open_descriptors(), quiet);
}

TEST(Inbox, wakes_its_loop_once_for_many_requests) {
  const auto inbox = Inbox::open().value();
  inbox->post([](RequestDispatcher*) {});
  inbox->post([](RequestDispatcher*) {});
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
          for (int request = 0; request < 20; ++request) inbox->post([&runs](RequestDispatcher*) { ++runs; });
        });
      threads.emplace_back([&] { inbox->end(); });
    }
    EXPECT_EQ(runs, 60);
  }
}

}  // namespace
}  // namespace mosaik::runtime
