#include "control/server.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/exhausted.hpp"
#include "base/folder.hpp"
#include "control/client.hpp"
#include "control/json.hpp"
#include "control/limits.hpp"
#include "control/sample.hpp"

namespace mosaik::control {
namespace {

using test::event_of;
using test::FakeSource;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr auto patience = std::chrono::seconds(30);

class ControlServer : public ::testing::Test {
 protected:
  void open() {
    Result<std::unique_ptr<Server>> opened = Server::open(path_, source_);
    ASSERT_TRUE(opened) << opened.error().message;
    server_ = std::move(*opened);
  }

  [[nodiscard]] unsigned mode_of(const std::string& path) const {
    struct stat found{};
    return ::lstat(path.c_str(), &found) == 0 ? found.st_mode & 07777U : 0;
  }

  /// Waits until the server has taken the connection in, or refused it: its answer tells.
  static Descriptor connected(const std::string& path) { return std::move(connect_to(path).value()); }

  static void send(const Descriptor& socket, std::string_view bytes) {
    ASSERT_EQ(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }

  /// All that the server says until it closes.
  static std::string read_to_end(const Descriptor& socket) {
    std::string out;
    std::array<char, 4096> chunk{};
    for (;;) {
      pollfd wait{socket.get(), POLLIN, 0};
      if (::poll(&wait, 1, 30'000) != 1) return out + "<no end>";
      const ssize_t got = ::recv(socket.get(), chunk.data(), chunk.size(), 0);
      if (got <= 0) return out;
      out.append(chunk.data(), static_cast<std::size_t>(got));
    }
  }

  static bool readable(const Descriptor& socket, std::chrono::milliseconds limit) {
    pollfd wait{socket.get(), POLLIN, 0};
    return ::poll(&wait, 1, static_cast<int>(limit.count())) == 1;
  }

  FakeSource source_;
  test::Folder folder_;
  std::string path_ = folder_ / "run/node.sock";
  std::unique_ptr<Server> server_;
};

TEST_F(ControlServer, answers_every_snapshot_route) {
  open();
  for (const char* const target : {"/v1/status", "/v1/members", "/v1/bonds", "/v1/topology"}) {
    const Result<Response> response = ask(path_, "GET", target);
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->status, 200U) << target;
    EXPECT_THAT(response->body, StartsWith("{")) << target;
  }
  EXPECT_TRUE(json::read_status(ask(path_, "GET", "/v1/status")->body));
}

TEST_F(ControlServer, answers_when_no_descriptor_is_left) {
  if (test::sanitized) GTEST_SKIP() << "a sanitizer needs descriptors of its own";
  open();
  for (int round = 0; round < 3; ++round) {
    const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_TRUE(ask(path_, "GET", "/v1/status"));  // the round before is over: it has its spare descriptor again
    const test::Exhausted exhausted;
    ASSERT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    send(socket, "GET /v1/status HTTP/1.1\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(read_to_end(socket), HasSubstr("\"name\":\"sample\"")) << "round " << round;
  }
  EXPECT_THAT(source_.warning(), HasSubstr("ulimit -n"));
}

TEST_F(ControlServer, says_why_it_cannot_open) {
  if (test::sanitized) GTEST_SKIP() << "a sanitizer needs descriptors of its own";
  const test::Folder folder;
  const test::Exhausted exhausted;
  const auto opened = Server::open(folder / "socket", source_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("Too many open files"));
}

TEST_F(ControlServer, answers_many_requests_on_one_connection) {
  open();
  const Descriptor socket = connected(path_);
  send(socket, "GET /v1/bonds HTTP/1.1\r\n\r\nGET /v1/bonds HTTP/1.1\r\n\r\nGET /v1/nothing HTTP/1.1\r\n\r\n");
  const std::string text = read_to_end(socket);
  EXPECT_THAT(text, HasSubstr("HTTP/1.1 200 OK"));
  EXPECT_NE(text.find("HTTP/1.1 200 OK"), text.rfind("HTTP/1.1 200 OK"));
  EXPECT_THAT(text, HasSubstr("HTTP/1.1 404 Not Found"));
}

TEST_F(ControlServer, answers_a_client_that_says_no_more_after_its_request) {
  open();
  const Descriptor socket = connected(path_);
  send(socket, "GET /v1/status HTTP/1.1\r\n\r\n");
  ::shutdown(socket.get(), SHUT_WR);
  EXPECT_THAT(read_to_end(socket), HasSubstr("\"name\":\"sample\""));
}

TEST_F(ControlServer, streams_events_as_they_happen) {
  open();
  Result<EventStream> stream = EventStream::open(path_);
  ASSERT_TRUE(stream) << stream.error().message;
  source_.emit(event_of(EventKind::bond_up, 1));
  source_.emit(event_of(EventKind::bonds_changed, 2));
  const auto up = stream->next(patience);
  ASSERT_TRUE(up && *up);
  EXPECT_EQ(json::read_line(**up)->event, "bond_up");
  const auto bonds = stream->next(patience);
  ASSERT_TRUE(bonds && *bonds);
  EXPECT_EQ(json::read_line(**bonds)->bonds.size(), 1U);
}

TEST_F(ControlServer, streams_decisions_of_the_component_and_peer_that_were_asked_for) {
  open();
  const auto peer = test::id_with(2);
  {
    Result<EventStream> stream = EventStream::open(path_, patience, "/v1/trace?component=consensus&peer=" + peer.hex());
    ASSERT_TRUE(stream) << stream.error().message;
    EXPECT_EQ(source_.filter().component, "consensus");
    EXPECT_EQ(source_.filter().peer, peer);
    source_.emit(event_of(EventKind::online, 1));
    source_.decide({.component = "consensus",
                    .what = "vote_denied",
                    .reason = "log_is_behind",
                    .peer = peer,
                    .fields = {{"term", 7}},
                    .wall_ms = 5,
                    .lost = 3});
    const auto line = stream->next(patience);
    ASSERT_TRUE(line && *line);
    const Result<TraceRecord> record = json::read_decision(**line);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(record->what, "vote_denied");
    EXPECT_EQ(record->reason, "log_is_behind");
    EXPECT_EQ(record->peer, peer);
    EXPECT_EQ(record->fields.at(0).value, 7);
    EXPECT_EQ(record->wall_ms, 5);
    EXPECT_EQ(record->lost, 3U);
  }
  EXPECT_TRUE(source_.wait_for_end_of_trace());
}

TEST_F(ControlServer, streams_to_several_clients) {
  open();
  Result<EventStream> one = EventStream::open(path_);
  Result<EventStream> two = EventStream::open(path_);
  source_.emit(event_of(EventKind::online, 1));
  EXPECT_THAT(**one->next(patience), HasSubstr("online"));
  EXPECT_THAT(**two->next(patience), HasSubstr("online"));
}

TEST_F(ControlServer, tells_a_slow_client_how_much_it_has_missed) {
  open();
  Result<EventStream> stream = EventStream::open(path_);
  ASSERT_TRUE(stream);
  Event large = event_of(EventKind::notice);
  large.reason = std::string(4000, 'x');  // the kernel takes a few hundred kilobytes: far less than these
  constexpr std::uint64_t sent = 10'000;
  for (std::uint64_t i = 1; i <= sent; ++i) {
    large.sequence = i;
    source_.emit(large);
  }
  std::uint64_t seen = 0;
  std::uint64_t lost = 0;
  std::uint64_t last = 0;
  while (last < sent) {
    const auto event = stream->next(patience);
    ASSERT_TRUE(event && *event);
    const Result<json::Line> line = json::read_line(**event);
    if (line->event == "lost") {
      lost += line->code;
    } else {
      ++seen;
      last = line->sequence;
    }
  }
  EXPECT_GT(lost, 0U);
  EXPECT_EQ(seen + lost, sent) << "each event is sent or counted";
}

TEST_F(ControlServer, leaves_when_asked_and_says_so) {
  open();
  const Result<Response> response = ask(path_, "POST", "/v1/leave");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 202U);
  EXPECT_TRUE(source_.wait_for_leave());
}

TEST_F(ControlServer, does_not_leave_for_a_get) {
  open();
  EXPECT_EQ(ask(path_, "GET", "/v1/leave")->status, 405U);
}

TEST_F(ControlServer, answers_garbage_with_400_and_closes) {
  open();
  const Descriptor socket = connected(path_);
  send(socket, "\x16\x03\x01 not http at all\r\n\r\n");
  const std::string text = read_to_end(socket);
  EXPECT_THAT(text, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_THAT(text, HasSubstr("{\"error\":\"malformed request"));
  EXPECT_TRUE(ask(path_, "GET", "/v1/status")) << "others are served as before";
}

TEST_F(ControlServer, survives_clients_that_go_in_the_middle_of_a_request) {
  open();
  const std::string_view request = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
  for (std::size_t size = 0; size < request.size(); ++size) send(connected(path_), request.substr(0, size));
  EXPECT_TRUE(ask(path_, "GET", "/v1/status"));
}

TEST_F(ControlServer, drops_a_client_that_does_not_finish_its_request) {
  open();
  const Descriptor socket = connected(path_);
  send(socket, "GET /v1/sta");
  std::atomic<bool> ended = false;
  std::jthread drip([&] {  // a byte now and then must not buy time
    while (!ended && ::send(socket.get(), "t", 1, MSG_NOSIGNAL) == 1) ::poll(nullptr, 0, 200);
  });
  EXPECT_EQ(read_to_end(socket), "");
  ended = true;
}

TEST_F(ControlServer, turns_away_more_clients_than_the_limit) {
  open();
  std::vector<EventStream> streams;
  for (std::size_t i = 0; i < limits::control_clients; ++i) {
    Result<EventStream> stream = EventStream::open(path_);
    ASSERT_TRUE(stream) << i << ": " << stream.error().message;
    streams.push_back(std::move(*stream));
  }
  const Result<Response> refused = ask(path_, "GET", "/v1/status");
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_EQ(refused->status, 503U);
  streams.pop_back();
  // The server hears of the client's end after us: until then it is full.
  Result<Response> again = ask(path_, "GET", "/v1/status");
  while (again && again->status == 503) again = ask(path_, "GET", "/v1/status");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->status, 200U);
}

TEST_F(ControlServer, makes_socket_and_directory_private) {
  const mode_t before = ::umask(0);
  open();
  ::umask(before);
  EXPECT_EQ(mode_of(path_), 0600U);
  EXPECT_EQ(mode_of(folder_ / "run"), 0700U);
}

TEST_F(ControlServer, removes_the_socket_at_the_end) {
  open();
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(path_)));
}

TEST_F(ControlServer, does_not_remove_a_socket_that_another_node_has_put_there) {
  open();
  std::filesystem::remove(path_);
  FakeSource other;
  const auto second = Server::open(path_, other);
  ASSERT_TRUE(second) << second.error().message;
  server_.reset();
  EXPECT_TRUE(ask(path_, "GET", "/v1/status"));
}

TEST_F(ControlServer, closes_its_clients_at_the_end) {
  open();
  Result<EventStream> stream = EventStream::open(path_);
  ASSERT_TRUE(stream);
  server_.reset();
  const auto end = stream->next(patience);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Errc::closed);
}

TEST_F(ControlServer, gives_its_streams_what_happened_before_its_end) {
  open();
  Result<EventStream> stream = EventStream::open(path_);
  ASSERT_TRUE(stream) << stream.error().message;
  // More than the kernel takes at a time.
  constexpr std::uint64_t last = 1000;
  for (std::uint64_t i = 1; i <= last; ++i) source_.emit(event_of(EventKind::bond_up, i));
  std::uint64_t seen = 0;
  std::thread reader([&] {
    for (auto next = stream->next(patience); next && *next; next = stream->next(patience)) ++seen;
  });
  server_.reset();
  reader.join();
  EXPECT_EQ(seen, last);
}

TEST_F(ControlServer, waits_for_no_client_that_does_not_read_when_it_ends) {
  open();
  Result<EventStream> stream = EventStream::open(path_);
  ASSERT_TRUE(stream) << stream.error().message;
  for (std::uint64_t i = 1; i <= 4000; ++i) source_.emit(event_of(EventKind::bond_up, i));
  const auto begun = std::chrono::steady_clock::now();
  server_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(2)) << "limits::control_flush";
}

TEST_F(ControlServer, replaces_a_dead_socket) {
  const pid_t child = ::fork();
  if (child == 0) {  // a node that is killed leaves its socket behind
    const auto server = Server::open(path_, source_);
    ::_exit(server ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  ASSERT_TRUE(std::filesystem::is_socket(path_));
  EXPECT_EQ(ask(path_, "GET", "/v1/status").error().code, Errc::not_found);
  open();
  EXPECT_TRUE(ask(path_, "GET", "/v1/status"));
}

TEST_F(ControlServer, refuses_the_socket_of_a_live_node) {
  open();
  FakeSource other;
  const auto second = Server::open(path_, other);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::in_use);
  EXPECT_TRUE(ask(path_, "GET", "/v1/status")) << "the first is not disturbed";
}

TEST_F(ControlServer, does_not_touch_a_file_that_is_no_socket) {
  std::filesystem::create_directory(folder_ / "run");
  std::ofstream(path_) << "precious";
  const auto opened = Server::open(path_, source_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::in_use);
  EXPECT_EQ(std::filesystem::file_size(path_), 8U);
}

/// Something else that listens, and answers the first question with `words`.
class Foreign {
 public:
  Foreign(const std::string& path, std::string words) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(socket_, 1), 0);
    thread_ = std::thread([this, words = std::move(words)] {
      const int client = ::accept(socket_, nullptr, nullptr);
      std::array<char, 1024> question{};
      EXPECT_GT(::recv(client, question.data(), question.size(), 0), 0);
      EXPECT_EQ(::send(client, words.data(), words.size(), MSG_NOSIGNAL), static_cast<ssize_t>(words.size()));
      ::close(client);
    });
  }
  Foreign(const Foreign&) = delete;
  Foreign& operator=(const Foreign&) = delete;
  ~Foreign() {
    thread_.join();
    ::close(socket_);
  }

 private:
  int socket_;
  std::thread thread_;
};

TEST_F(ControlServer, is_told_from_whatever_else_may_listen_there) {
  const std::string json = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
  for (const std::string& words : {json, std::string("SSH-2.0-x\r\n"), std::string("\r\n\r\n")}) {
    const std::string path = folder_ / "foreign";
    std::filesystem::remove(path);
    const Foreign foreign(path, words);
    const auto answer = ask(path, "GET", "/v1/status");
    ASSERT_FALSE(answer) << words;
    EXPECT_EQ(answer.error().code, Errc::malformed);
    EXPECT_THAT(answer.error().message, AllOf(HasSubstr(path), HasSubstr("is no mosaik node")));
  }
}

TEST_F(ControlServer, is_not_looked_for_in_what_is_no_socket) {
  const std::string path = folder_ / "notes";
  std::ofstream(path) << "precious";
  EXPECT_EQ(ask(path, "GET", "/v1/status").error().code, Errc::malformed);
}

TEST_F(ControlServer, refuses_a_path_that_no_socket_can_have) {
  const auto opened = Server::open(folder_ / std::string(200, 'x'), source_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::invalid_argument);
  EXPECT_FALSE(Server::open("", source_));
}

TEST_F(ControlServer, refuses_another_user) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  open();
  ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
  ASSERT_EQ(::chmod((folder_ / "run").c_str(), 0755), 0);
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setuid(65534) != 0) ::_exit(3);
    // Not through ask(), which refuses for its part: this client is none of ours.
    const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) ::_exit(4);
    const std::string_view question = "GET /v1/status HTTP/1.1\r\nHost: mosaik\r\n\r\n";
    static_cast<void>(::send(socket.get(), question.data(), question.size(), MSG_NOSIGNAL));
    ::_exit(read_to_end(socket).empty() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(ControlServer, forged_by_another_user__is_told_nothing) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0777), 0);
  const std::string path = folder_ / "node.sock";
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe2(ready.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setuid(65534) != 0) ::_exit(3);
    const Descriptor listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) ::_exit(4);
    if (::listen(listening.get(), 8) != 0 || ::write(ready[1], "r", 1) != 1) ::_exit(5);
    for (int client = 0; client < 3; ++client) {
      const Descriptor socket(::accept(listening.get(), nullptr, nullptr));
      if (!read_to_end(socket).empty()) ::_exit(1);
    }
    ::_exit(0);
  }
  ::close(ready[1]);
  char one = 0;
  ASSERT_EQ(::read(ready[0], &one, 1), 1);
  ::close(ready[0]);

  const auto answer = ask(path, "POST", "/v1/execute?group=00", std::chrono::seconds(10), "TOPSECRETVALUE");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::permission);
  EXPECT_THAT(answer.error().message,
              AllOf(HasSubstr(path), HasSubstr("another user (uid 65534)"), HasSubstr("(--control)")));
  EXPECT_EQ(EventStream::open(path).error().code, Errc::permission);
  EXPECT_EQ(Server::open(path, source_).error().code, Errc::permission) << "nor is it replaced";
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0) << "1: it was told something";
}

TEST_F(ControlServer, says_that_no_node_is_running) {
  EXPECT_EQ(ask(path_, "GET", "/v1/status").error().code, Errc::not_found);
  EXPECT_EQ(EventStream::open(path_).error().code, Errc::not_found);
}

}  // namespace
}  // namespace mosaik::control
