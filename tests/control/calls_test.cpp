#include "control/calls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "base/folder.hpp"
#include "control/client.hpp"
#include "control/json.hpp"
#include "control/limits.hpp"
#include "control/sample.hpp"

namespace mosaik::control {
namespace {

using test::FakeSource;
using test::id_with;
using ::testing::HasSubstr;

Call sample_call(Call::Kind kind) {
  Call call;
  call.kind = kind;
  call.group = id_with<GroupId>(7);
  call.time = std::chrono::seconds(20);
  return call;
}

TEST(ControlCalls, a_target_is_read_as_it_was_written) {
  for (const auto kind : {Call::Kind::execute, Call::Kind::query, Call::Kind::committed}) {
    Call call = sample_call(kind);
    if (kind == Call::Kind::query) call.consistency = Consistency::strong;
    if (kind == Call::Kind::committed) call.beyond = Index{41};
    const std::string target = target_of(call);
    const Result<Call> read = parse_call(kind, target.substr(target.find('?') + 1), "\x01\x02");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->group, call.group);
    EXPECT_EQ(read->time, call.time);
    EXPECT_EQ(read->consistency, call.consistency);
    EXPECT_EQ(read->beyond, call.beyond);
    EXPECT_EQ(read->bytes, (std::vector<std::uint8_t>{1, 2}));
  }
}

TEST(ControlCalls, wrong_parameters_are_refused_by_name) {
  const std::string group = "group=" + id_with<GroupId>(7).hex();
  const auto complaint = [](Call::Kind kind, const std::string& parameters) {
    const auto read = parse_call(kind, parameters, "");
    return read ? std::string("taken") : read.error().message;
  };
  EXPECT_THAT(complaint(Call::Kind::execute, ""), HasSubstr("which group"));
  EXPECT_THAT(complaint(Call::Kind::execute, "group=12"), HasSubstr("group=12"));
  EXPECT_THAT(complaint(Call::Kind::execute, group + "&time_ms=0"), HasSubstr("time_ms=0"));
  EXPECT_THAT(complaint(Call::Kind::execute, group + "&time_ms=600001"), HasSubstr("600000"));
  EXPECT_THAT(complaint(Call::Kind::execute, group + "&time_ms=1s"), HasSubstr("no whole number"));
  EXPECT_THAT(complaint(Call::Kind::query, group + "&consistency=stron"), HasSubstr("stron"));
  EXPECT_THAT(complaint(Call::Kind::execute, group + "&consistency=weak"), HasSubstr("no parameter"));
  EXPECT_THAT(complaint(Call::Kind::committed, group + "&beyond=-1"), HasSubstr("beyond"));
  EXPECT_EQ(complaint(Call::Kind::query, group), "taken");
}

TEST(ControlCalls, every_failure_keeps_its_code_and_says_what_is_known) {
  for (const Errc code :
       {Errc::offline, Errc::overwritten, Errc::unknown_outcome, Errc::timed_out, Errc::limit, Errc::closed}) {
    const Error error{code, "why"};
    const std::string body = write_failure(Call::Kind::execute, error);
    EXPECT_THAT(body,
                HasSubstr(code == Errc::unknown_outcome ? R"("outcome":"unknown")" : R"("outcome":"not_applied")"));
    const auto read = read_answer(Call::Kind::execute, status_of(error), body);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, code);
    EXPECT_EQ(read.error().message, "why");
  }
}

TEST(ControlCalls, answers_that_are_none_are_malformed) {
  EXPECT_EQ(read_answer(Call::Kind::execute, 200, "{}").error().code, Errc::malformed);
  EXPECT_EQ(read_answer(Call::Kind::query, 200, R"({"position":1,"result":"0g"})").error().code, Errc::malformed);
  EXPECT_EQ(read_answer(Call::Kind::query, 200, "no json").error().code, Errc::malformed);
}

class ControlCallServer : public ::testing::Test {
 protected:
  /// Carries a call out on a thread of its own.
  std::jthread carry(const Call& call, Result<CallAnswer>& answer) {
    return std::jthread([this, call, &answer] { answer = carry_out(path_, call); });
  }

  FakeSource source_;
  test::Folder folder_;
  std::string path_ = folder_ / "node.sock";
  std::unique_ptr<Server> server_ = std::move(Server::open(path_, source_).value());
};

TEST_F(ControlCallServer, an_answer_comes_when_the_call_ends) {
  Call call = sample_call(Call::Kind::query);
  call.bytes.assign(300'000, 0xAB);  // more than the reader holds at a time
  Result<CallAnswer> answer;
  {
    const auto caller = carry(call, answer);
    auto asked = source_.next_call();
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->call.bytes, call.bytes);
    EXPECT_EQ(asked->call.group, call.group);
    std::jthread([&] { asked->done(CallAnswer{Index{9}, {1, 0xFF}}); });  // any thread
  }
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->index, Index{9});
  EXPECT_EQ(answer->result, (std::vector<std::uint8_t>{1, 0xFF}));
}

TEST_F(ControlCallServer, others_are_answered_while_a_call_runs) {
  Result<CallAnswer> answer;
  const auto caller = carry(sample_call(Call::Kind::execute), answer);
  auto asked = source_.next_call();
  ASSERT_TRUE(asked);
  EXPECT_EQ(ask(path_, "GET", "/v1/status")->status, 200U);
  asked->done(fail(Errc::offline, "no leader"));
}

TEST_F(ControlCallServer, a_call_that_overstays_is_answered_as_unknown) {
  Call call = sample_call(Call::Kind::execute);
  call.time = std::chrono::milliseconds(1);
  Result<CallAnswer> answer;
  {
    const auto caller = carry(call, answer);
    ASSERT_TRUE(source_.next_call());  // and nobody ends it
  }
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unknown_outcome);
}

TEST_F(ControlCallServer, a_caller_that_hangs_up_is_not_waited_for) {
  {
    const auto socket = std::move(connect_to(path_).value());
    const std::string request = "GET " + target_of(sample_call(Call::Kind::committed)) + " HTTP/1.1\r\n\r\n";
    ASSERT_EQ(::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
    ASSERT_TRUE(source_.next_call());
  }
  EXPECT_TRUE(source_.wait_for_let_go(1));
}

TEST_F(ControlCallServer, a_caller_that_says_no_more_still_gets_its_answer) {
  const auto socket = std::move(connect_to(path_).value());
  const std::string request = "GET " + target_of(sample_call(Call::Kind::committed)) + " HTTP/1.1\r\n\r\n";
  ASSERT_EQ(::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  ::shutdown(socket.get(), SHUT_WR);
  auto asked = source_.next_call();
  ASSERT_TRUE(asked);
  asked->done(CallAnswer{Index{42}, {}});
  std::string text(4096, '\0');
  for (std::size_t size = 0; text.find("42") == std::string::npos;) {
    const ssize_t got = ::read(socket.get(), text.data() + size, text.size() - size);
    if (got > 0) size += static_cast<std::size_t>(got);
    ASSERT_TRUE(got > 0 || errno == EAGAIN);
  }
}

TEST_F(ControlCallServer, the_end_of_a_call_after_the_server_is_nothing) {
  Result<CallAnswer> answer;
  std::optional<FakeSource::Asked> asked;
  {
    const auto caller = carry(sample_call(Call::Kind::execute), answer);
    asked = source_.next_call();
    ASSERT_TRUE(asked);
    server_.reset();
  }
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unknown_outcome) << "the command was on its way";
  asked->done(CallAnswer{Index{1}, {}});
}

TEST_F(ControlCallServer, a_body_beyond_the_limit_is_refused) {
  Call call = sample_call(Call::Kind::execute);
  call.bytes.assign(limits::control_body + 1, 0);
  const auto answer = carry_out(path_, call);
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("2 MiB"));
}

TEST_F(ControlCallServer, a_malformed_call_does_not_reach_the_source) {
  const auto response = ask(path_, "POST", "/v1/execute?group=zz");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 400U);
  EXPECT_THAT(response->body, HasSubstr("not_applied"));
  EXPECT_EQ(ask(path_, "GET", "/v1/execute")->status, 405U);
}

TEST(ControlCalls, status_shows_the_consensus_and_reads_it_back) {
  const NodeStatus node = test::sample_with_machine();
  const auto read = json::read_status(json::write_status(node));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->groups.size(), 1U);
  EXPECT_EQ(read->groups[0], json::summary_of(node.groups[0]));
  EXPECT_EQ(read->groups[0].machine, "counter");
  EXPECT_EQ(read->groups[0].consensus, node.groups[0].consensus);
}

TEST(ControlCalls, a_group_is_able_when_its_leader_and_its_floor_are_in_reach) {
  GroupStatus group = test::sample_with_machine().groups[0];
  EXPECT_EQ(group.ability(), Ability::able);
  group.consensus->leader = id_with(3);  // missing
  EXPECT_EQ(group.ability(), Ability::no_leader);
  group.consensus->leader.reset();
  EXPECT_EQ(group.ability(), Ability::no_leader);
  group.consensus->quorum_floor = 3;  // this node and one bonded
  EXPECT_EQ(group.ability(), Ability::no_quorum);
  group.consensus->role = MemberRole::stopped;
  EXPECT_EQ(group.ability(), Ability::stopped);
  group.consensus.reset();
  EXPECT_EQ(group.ability(), Ability::able);
}

TEST(ControlCalls, raft_events_are_told_with_their_places) {
  Event event = test::event_of(EventKind::leader_changed, 3);
  event.term = Term{4};
  const auto leader = json::read_line(json::write_event(event, NodeStatus()));
  ASSERT_TRUE(leader);
  EXPECT_EQ(leader->event, "leader");
  EXPECT_EQ(leader->id, event.peer);
  EXPECT_EQ(leader->term, Term{4});
  event.kind = EventKind::overwritten;
  event.index = Index{7};
  event.last = Index{9};
  const auto overwritten = json::read_line(json::write_event(event, NodeStatus()));
  ASSERT_TRUE(overwritten);
  EXPECT_EQ(overwritten->index, Index{7});
  EXPECT_EQ(overwritten->last, Index{9});
  event.kind = EventKind::diverged;
  EXPECT_EQ(json::read_line(json::write_event(event, NodeStatus()))->last, Index{9});
}

}  // namespace
}  // namespace mosaik::control
