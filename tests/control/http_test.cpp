#include "control/http.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/backlog.hpp"
#include "control/routes.hpp"
#include "control/sample.hpp"

namespace mosaik::control {
namespace {

using test::event_of;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view get_status = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";

TEST(RequestReader, reads_a_request_that_comes_byte_by_byte) {
  RequestReader reader;
  for (std::size_t i = 0; i + 1 < get_status.size(); ++i) {
    reader.append(get_status.substr(i, 1));
    ASSERT_FALSE(reader.next()) << i;
    ASSERT_TRUE(reader.in_request());
  }
  reader.append("\n");
  const auto request = reader.next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "GET");
  EXPECT_EQ(request->target, "/v1/status");
  EXPECT_TRUE(request->keep_alive);
  EXPECT_FALSE(reader.in_request());
}

TEST(RequestReader, reads_requests_that_come_at_once_in_order) {
  RequestReader reader;
  reader.append(std::string(get_status) + "POST /v1/leave HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}" +
                std::string(get_status));
  EXPECT_EQ(reader.next()->target, "/v1/status");
  EXPECT_EQ(reader.next()->target, "/v1/leave");
  EXPECT_EQ(reader.next()->target, "/v1/status");
  EXPECT_FALSE(reader.next());
}

TEST(RequestReader, closes_after_an_http_1_0_request) {
  RequestReader reader;
  reader.append("GET / HTTP/1.0\r\n\r\n");
  EXPECT_FALSE(reader.next()->keep_alive);
}

TEST(RequestReader, refuses_garbage_with_400) {
  for (const std::string_view bytes :
       {"\x16\x03\x01\x02\x00\x01\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"}) {
    RequestReader reader;
    reader.append(bytes);
    EXPECT_FALSE(reader.next()) << bytes;
    ASSERT_TRUE(reader.error()) << bytes;
    EXPECT_EQ(reader.error()->status, 400U) << bytes;
  }
}

TEST(RequestReader, takes_nothing_more_after_an_error) {
  RequestReader reader;
  reader.append("GET\r\n\r\n");
  EXPECT_FALSE(reader.next());
  reader.append(get_status);
  EXPECT_FALSE(reader.next());
}

TEST(RequestReader, refuses_a_head_that_never_ends) {
  RequestReader reader;
  reader.append("GET / HTTP/1.1\r\n");
  for (int i = 0; i < 4000 && !reader.error(); ++i) {
    reader.append("X-" + std::to_string(i) + ": 0123456789\r\n");
    EXPECT_FALSE(reader.next());
  }
  ASSERT_TRUE(reader.error());
  EXPECT_EQ(reader.error()->status, 431U);
}

TEST(RequestReader, refuses_an_announced_body_beyond_the_limit_at_once) {
  RequestReader reader;
  reader.append("POST /v1/leave HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n");
  EXPECT_FALSE(reader.next());
  ASSERT_TRUE(reader.error());
  EXPECT_EQ(reader.error()->status, 413U);
}

TEST(RequestReader, refuses_chunked_bodies_unread) {
  // The second one ends a process that hands it to the parser of Beast 1.81.
  for (const std::string_view body : {"1\r\nx\r\n0\r\n\r\n", "0\r\n GET\r\n\r\n2\r\n", ""}) {
    RequestReader reader;
    reader.append("POST /v1/leave HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body));
    EXPECT_FALSE(reader.next());
    ASSERT_TRUE(reader.error());
    EXPECT_EQ(reader.error()->status, 411U);
  }
}

TEST(RequestReader, says_once_that_a_body_is_waited_for) {
  RequestReader reader;
  reader.append("POST /v1/execute HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n");
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.take_wish_to_continue());
  EXPECT_FALSE(reader.take_wish_to_continue());
  reader.append("abc");
  const auto request = reader.next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->body, "abc");
  EXPECT_FALSE(reader.take_wish_to_continue());
}

TEST(RequestReader, asks_for_no_body_that_it_would_refuse_or_that_nobody_asked_about) {
  RequestReader long_one;
  long_one.append("POST /v1/execute HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n");
  EXPECT_FALSE(long_one.next());
  EXPECT_FALSE(long_one.take_wish_to_continue());
  ASSERT_TRUE(long_one.error());
  EXPECT_EQ(long_one.error()->status, 413U);
  RequestReader plain;
  plain.append("POST /v1/execute HTTP/1.1\r\nContent-Length: 3\r\n\r\n");
  EXPECT_FALSE(plain.next());
  EXPECT_FALSE(plain.take_wish_to_continue());
}

class Routes : public ::testing::Test {
 protected:
  Answer answer(const std::string& method, const std::string& target) {
    return answer_to({method, target, true}, source_);
  }
  test::FakeSource source_;
};

TEST_F(Routes, answer_snapshots_as_json) {
  for (const char* const target : {"/v1/status", "/v1/members", "/v1/bonds", "/v1/topology", "/v1/status?pretty=1"}) {
    const Answer got = answer("GET", target);
    EXPECT_EQ(got.status, 200U) << target;
    EXPECT_THAT(got.body, HasSubstr("\"id\":\"01010101")) << target;
    EXPECT_THAT(render(got, Connection::keep), HasSubstr("Content-Type: application/json")) << target;
  }
}

TEST_F(Routes, name_the_routes_to_whoever_asks_for_another) {
  const Answer got = answer("GET", "/v2/status");
  EXPECT_EQ(got.status, 404U);
  EXPECT_THAT(got.body, HasSubstr("/v1/status"));
}

TEST_F(Routes, tell_the_method_that_a_route_takes) {
  const Answer got = answer("GET", "/v1/leave");
  EXPECT_EQ(got.status, 405U);
  EXPECT_EQ(got.allow, "POST");
  EXPECT_THAT(render(got, Connection::close), HasSubstr("Allow: POST\r\n"));
  EXPECT_EQ(got.kind, Answer::Kind::plain);
}

TEST_F(Routes, leave_is_asked_for_but_not_carried_out_here) {
  EXPECT_EQ(answer("POST", "/v1/leave").kind, Answer::Kind::leave);
}

TEST_F(Routes, begin_a_stream_without_a_length) {
  const std::string head = render(answer("GET", "/v1/events"), Connection::close);
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Type: text/event-stream\r\n"));
  EXPECT_EQ(head.find("Content-Length"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
}

TEST_F(Routes, trace_what_is_asked_for_and_nothing_misspelt) {
  EXPECT_EQ(answer("GET", "/v1/trace").kind, Answer::Kind::trace);
  EXPECT_EQ(answer("GET", "/v1/trace?component=dial").filter.component, "dial");
  EXPECT_EQ(answer("GET", "/v1/trace?peer=12").status, 400U);
  EXPECT_EQ(answer("GET", "/v1/trace?pear=12").status, 400U);
}

TEST(StreamBlock, has_one_line_of_data_whatever_the_reason_holds) {
  Event event = event_of(EventKind::notice, 5);
  event.reason = "first\n\ndata: forged";
  const std::string block = stream_block(event, NodeStatus());
  EXPECT_THAT(block, StartsWith("id: 5\nevent: notice\ndata: {"));
  EXPECT_EQ(block.find("\n\n"), block.size() - 2);
}

TEST(Backlog, drops_the_oldest_and_counts_them) {
  Backlog backlog(3);
  for (std::uint64_t i = 1; i <= 5; ++i) backlog.push(event_of(EventKind::notice, i));
  const auto lost = backlog.pop();
  EXPECT_EQ(lost->kind, EventKind::lost);
  EXPECT_EQ(lost->code, 2U);
  for (std::uint64_t i = 3; i <= 5; ++i) EXPECT_EQ(backlog.pop()->sequence, i);
  EXPECT_FALSE(backlog.pop());
  EXPECT_TRUE(backlog.empty());
}

TEST(Backlog, adds_up_what_was_lost_before_it_and_in_it) {
  Backlog backlog(1);
  Event lost = event_of(EventKind::lost, 1);
  lost.code = 10;
  backlog.push(lost);
  backlog.push(event_of(EventKind::notice, 2));
  EXPECT_EQ(backlog.pop()->code, 10U);
}

TEST(Backlog, keeps_one_change_of_the_bonds_of_a_group) {
  Backlog backlog;
  Event other = event_of(EventKind::bonds_changed, 2);
  other.group = test::id_with<GroupId>(8);
  backlog.push(event_of(EventKind::bonds_changed, 1));
  backlog.push(other);
  backlog.push(event_of(EventKind::bonds_changed, 3));
  backlog.push(event_of(EventKind::topology_changed, 4));
  EXPECT_EQ(backlog.pop()->sequence, 2U);
  EXPECT_EQ(backlog.pop()->sequence, 3U);
  EXPECT_EQ(backlog.pop()->sequence, 4U);
}

}  // namespace
}  // namespace mosaik::control
