// The control socket of a real node, over the public face.

#include <mosaik/control.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include <mosaik/mosaik.hpp>

#include "base/folder.hpp"
#include "control/calls.hpp"
#include "control/client.hpp"
#include "control/json.hpp"

namespace mosaik {
namespace {

constexpr auto patience = std::chrono::seconds(30);

/// A counter whose commands have one byte.
struct Tally {
  struct Command {
    std::uint8_t by = 0;
  };
  using Query = std::uint8_t;
  using QueryResult = std::uint64_t;
  static constexpr std::string_view name = "tally";
  [[nodiscard]] Digest signature() const { return Digest::of("tally"); }
  void apply(const Command& command, const ApplyContext&) { sum += command.by; }
  [[nodiscard]] QueryResult query(const Query&) const { return sum; }
  std::uint64_t sum = 0;
};

control::Call execute(const GroupId& group, std::vector<std::uint8_t> bytes) {
  control::Call call;
  call.group = group;
  call.bytes = std::move(bytes);
  return call;
}

class ControlOfNode : public ::testing::Test {
 protected:
  [[nodiscard]] ControlServer serve(ControlStart start = ControlStart::at_once) {
    Result<ControlServer> server = ControlServer::open(network_, {.path = path_, .start = start});
    EXPECT_TRUE(server) << server.error().message;
    return std::move(*server);
  }
  [[nodiscard]] static Network open() {
    return std::move(Network::open({.network = "control", .listen = {"127.0.0.1:0"}}).value());
  }

  test::Folder folder_;
  std::string path_ = folder_ / "node.sock";
  Network network_ = open();
};

TEST_F(ControlOfNode, status__is_that_of_the_node) {
  const ControlServer server = serve();
  const auto response = control::ask(path_, "GET", "/v1/status");
  ASSERT_TRUE(response) << response.error().message;
  const auto status = control::json::read_status(response->body);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->node.id, network_.id());
}

TEST_F(ControlOfNode, when_told__answers_after_answer) {
  ControlServer server = serve(ControlStart::when_told);
  const auto early = control::ask(path_, "GET", "/v1/status", std::chrono::milliseconds(200));
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, Errc::timed_out);
  server.answer();
  EXPECT_TRUE(control::ask(path_, "GET", "/v1/status"));
}

TEST_F(ControlOfNode, leave__completes_ended) {
  const ControlServer server = serve();
  const auto group = network_.groups().with_key(GroupKey::random()).join();
  ASSERT_TRUE(group);
  EXPECT_FALSE(network_.ended().ready());
  ASSERT_TRUE(control::ask(path_, "POST", "/v1/leave"));
  EXPECT_TRUE(network_.ended().get_for(patience));
  EXPECT_TRUE(network_.status().groups.empty());
}

TEST_F(ControlOfNode, leave_by_the_program__does_not_complete_ended) {
  EXPECT_TRUE(network_.leave().get_for(patience));
  EXPECT_FALSE(network_.ended().ready());
}

TEST_F(ControlOfNode, call__reaches_the_machine_of_the_group) {
  const ControlServer server = serve();
  const auto group = network_.groups()
                         .with_key(GroupKey::random())
                         .with_state_machine(Tally())
                         .with_consensus({.election_timeout = std::chrono::milliseconds(50),
                                          .election_timeout_jitter = std::chrono::milliseconds(10),
                                          .bootstrap_delay = std::chrono::milliseconds(10)})
                         .join();
  ASSERT_TRUE(group) << group.error().message;
  control::Call call = execute(group->id(), postcard::encode(Tally::Command{7}));
  const auto done = control::carry_out(path_, call);
  ASSERT_TRUE(done) << done.error().message;

  call.kind = control::Call::Kind::query;
  call.bytes = postcard::encode(Tally::Query{});
  call.consistency = Consistency::strong;
  const auto answer = control::carry_out(path_, call);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(postcard::decode<Tally::QueryResult>(answer->result).value(), 7U);

  call.kind = control::Call::Kind::committed;
  call.history = answer->history;
  const auto committed = control::carry_out(path_, call);
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_GE(committed->index, done->index);
  EXPECT_EQ(committed->history, answer->history);

  call.beyond = committed->index;
  call.history = "another";
  const auto other = control::carry_out(path_, call);
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_EQ(other->history, answer->history) << "it ends because the history is another one";
  call.history = answer->history;
  call.time = std::chrono::milliseconds(200);
  const auto none = control::carry_out(path_, call);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::timed_out);
}

TEST_F(ControlOfNode, bytes_that_are_no_command__are_refused) {
  const ControlServer server = serve();
  const auto group = network_.groups().with_key(GroupKey::random()).with_state_machine(Tally()).join();
  ASSERT_TRUE(group);
  const auto done = control::carry_out(path_, execute(group->id(), {}));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::malformed);
}

TEST_F(ControlOfNode, group_without_a_machine__is_not_found) {
  const ControlServer server = serve();
  const auto group = network_.groups().with_key(GroupKey::random()).join();
  ASSERT_TRUE(group);
  const auto done = control::carry_out(path_, execute(group->id(), {1}));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::not_found);
}

TEST_F(ControlOfNode, wait_that_nobody_waits_for__ends_without_a_call) {
  const auto group = network_.groups().with_key(GroupKey::random()).with_state_machine(Tally()).join();
  ASSERT_TRUE(group);
  const auto machine = network_.ref().machine(group->id());
  ASSERT_TRUE(machine);
  const auto called = std::make_shared<int>(0);
  {
    const auto wait =
        machine->when_committed(Index{1000}, std::nullopt, [called](const Result<ConsensusStatus>&) { ++*called; });
  }
  network_.close();
  EXPECT_EQ(*called, 0);
}

TEST_F(ControlOfNode, destroyed_in_a_child_of_fork__leaves_the_socket_to_the_parent) {
  std::optional<ControlServer> server(serve());
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    server.reset();
    ::_exit(std::filesystem::exists(path_) ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_TRUE(control::ask(path_, "GET", "/v1/status")) << "the parent serves on";
  server.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ControlOfNode, network_is_closed_first__streams_hear_of_the_end) {
  std::optional<ControlServer> server(serve());
  std::optional<Group> group(std::move(network_.groups().with_key(GroupKey::random()).join().value()));
  auto stream = control::EventStream::open(path_);
  ASSERT_TRUE(stream) << stream.error().message;
  network_.close();
  server.reset();
  bool left = false;
  for (;;) {
    const auto event = stream->next(patience);
    if (!event || !*event) break;
    const auto line = control::json::read_line(**event);
    left |= line && line->event == "left";
  }
  EXPECT_TRUE(left);
}

}  // namespace
}  // namespace mosaik
