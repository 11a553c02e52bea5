#include "control/client.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "control/limits.hpp"

namespace mosaik::control {
namespace {

using Clock = std::chrono::steady_clock;

enum class Waited { ready, late, unread };

/// How long an answer is waited for, and for whom.
struct Patience {
  Clock::time_point deadline;
  int reader = -1;  ///< the descriptor that the answer is written to; -1: whoever asks wants it in any case
};

Waited wait_for(int fd, short what, const Patience& patience) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(patience.deadline - Clock::now()).count();
    std::array<pollfd, 2> wait{{{fd, what, 0}, {patience.reader, 0, 0}}};  // POLLERR: the reader of a pipe is gone
    const int found = ::poll(wait.data(), wait.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
    if (found > 0 && wait[0].revents == 0) return Waited::unread;
    if (found > 0) return Waited::ready;
    if (found == 0 && left <= 0) return Waited::late;
    if (found < 0 && errno != EINTR) return Waited::late;
  }
}

std::unexpected<Error> late() {
  return fail(Errc::timed_out,
              "no answer: the process there is stopped or stuck, or no mosaik node; look at it, or end it");
}

std::unexpected<Error> missed(Waited waited) {
  if (waited == Waited::unread) return fail(Errc::closed, "nobody reads the answer any more");
  return late();
}

/// Says where it happened. What leaves this file names the socket.
std::unexpected<Error> located(const std::string& path, const Error& error) {
  return fail(error.code, "control socket '" + path + "': " + error.message);
}

Result<> send_all(int fd, std::string_view bytes, const Patience& patience) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (const Waited waited = wait_for(fd, POLLOUT, patience); waited != Waited::ready) return missed(waited);
    } else if (errno != EINTR) {
      break;  // closed by the node: what it has said before can still be read
    }
  }
  return {};
}

/// Appends what is there to `out`; waits for the first byte. False at the end of the stream.
Result<bool> receive(int fd, std::string& out, const Patience& patience) {
  std::array<char, 16384> chunk{};
  for (;;) {
    const ssize_t got = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (got > 0) {
      out.append(chunk.data(), static_cast<std::size_t>(got));
      return true;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) return false;
    if (const Waited waited = wait_for(fd, POLLIN, patience); waited != Waited::ready) return missed(waited);
  }
}

struct Head {
  unsigned status = 0;
  std::optional<std::size_t> length;
};

std::optional<std::size_t> number(std::string_view text) {
  std::size_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

/// The head as our server writes it: status line, `Name: value` lines. Every server of HTTP would take our question;
/// who does not call itself a node is none, whatever it answers.
Result<Head> parse_head(std::string_view text) {
  Head head;
  const std::optional<std::size_t> status = text.starts_with("HTTP/1.1 ") ? number(text.substr(9, 3)) : std::nullopt;
  if (!status || text.find("\r\nServer: mosaik\r\n") == std::string_view::npos)
    return fail(Errc::malformed, "what listens there is no mosaik node; give the path of a node's control socket");
  head.status = static_cast<unsigned>(*status);
  constexpr std::string_view name = "\r\nContent-Length: ";
  const std::size_t at = text.find(name);
  if (at != std::string_view::npos) {
    const std::string_view value = text.substr(at + name.size());
    head.length = number(value.substr(0, value.find('\r')));
  }
  return head;
}

/// Reads a head; leaves what came behind it in `buffer`.
Result<Head> receive_head(int fd, std::string& buffer, const Patience& patience) {
  constexpr std::string_view end = "\r\n\r\n";
  std::size_t at = 0;
  while ((at = buffer.find(end)) == std::string::npos) {
    if (buffer.size() > limits::control_header) return fail(Errc::limit, "the node's answer has no end of its head");
    const Result<bool> more = receive(fd, buffer, patience);
    if (!more) return std::unexpected(more.error());
    // Who says nothing is a node that ended; who says something else is none.
    if (!*more && buffer.empty()) return fail(Errc::closed, "the node closed the connection");
    if (!*more) break;
  }
  const std::size_t size = std::min(at, buffer.size());
  const Result<Head> head = parse_head(buffer.substr(0, size) + "\r\n");
  buffer.erase(0, size + end.size());
  return head;
}

Result<Response> receive_response(int fd, const Patience& patience) {
  Response out;
  const Result<Head> head = receive_head(fd, out.body, patience);
  if (!head) return std::unexpected(head.error());
  out.status = head->status;
  if (head->length.value_or(0) > limits::control_response) return fail(Errc::limit, "the node's answer is too long");
  while (!head->length || out.body.size() < *head->length) {
    if (out.body.size() > limits::control_response) return fail(Errc::limit, "the node's answer is too long");
    const Result<bool> more = receive(fd, out.body, patience);
    if (!more) return std::unexpected(more.error());
    if (*more) continue;
    if (!head->length) break;
    return fail(Errc::closed, "the node ended before its answer was whole");
  }
  return out;
}

std::string request(std::string_view method, std::string_view target, std::string_view accept,
                    std::string_view body = {}) {
  return std::string(method) + " " + std::string(target) +
         " HTTP/1.1\r\nHost: mosaik\r\nAccept: " + std::string(accept) +
         "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

Result<Response> ask_patiently(const std::string& path, std::string_view method, std::string_view target,
                               const Patience& patience, std::string_view body) {
  const Result<Descriptor> socket = connect_to(path);
  if (!socket) return std::unexpected(socket.error());
  const Result<> sent = send_all(socket->get(), request(method, target, "application/json", body), patience);
  if (!sent) return located(path, sent.error());
  Result<Response> out = receive_response(socket->get(), patience);
  if (!out) return located(path, out.error());
  return out;
}

}  // namespace

Result<Response> ask(const std::string& path, std::string_view method, std::string_view target,
                     std::chrono::milliseconds limit, std::string_view body) {
  return ask_patiently(path, method, target, {Clock::now() + limit}, body);
}

Result<CallAnswer> carry_out(const std::string& path, const Call& call, int reader) {
  const BytesView bytes = call.bytes;
  const std::string_view body(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto limit = call.time + std::chrono::ceil<std::chrono::milliseconds>(2 * limits::control_call_margin);
  const auto response = ask_patiently(path, call.kind == Call::Kind::committed ? "GET" : "POST", target_of(call),
                                      {Clock::now() + limit, reader}, body);
  if (response) return read_answer(call.kind, response->status, response->body);
  const Errc code = response.error().code;
  // The node may have ended, or be stuck, with the command on its way.
  if (call.kind == Call::Kind::execute && (code == Errc::closed || code == Errc::timed_out))
    return fail(Errc::unknown_outcome, response.error().message + "; the command may be applied, or not");
  return std::unexpected(response.error());
}

Result<EventStream> EventStream::open(const std::string& path, std::chrono::milliseconds limit,
                                      std::string_view target) {
  const Patience patience{Clock::now() + limit};
  Result<Descriptor> socket = connect_to(path);
  if (!socket) return std::unexpected(socket.error());
  const Result<> sent = send_all(socket->get(), request("GET", target, "text/event-stream"), patience);
  if (!sent) return located(path, sent.error());
  std::string buffer;
  const Result<Head> head = receive_head(socket->get(), buffer, patience);
  if (!head) return located(path, head.error());
  if (head->status != 200) return fail(Errc::refused, "the node refuses the event stream: " + buffer);
  return EventStream(std::move(*socket), std::move(buffer));
}

std::optional<std::string> EventStream::take_event() {
  constexpr std::string_view end = "\n\n";
  constexpr std::string_view data = "data: ";
  for (;;) {
    const std::size_t at = buffer_.find(end);
    if (at == std::string::npos) return std::nullopt;
    const std::string block = buffer_.substr(0, at + 1);
    buffer_.erase(0, at + end.size());
    const std::size_t start = block.starts_with(data) ? 0 : block.find("\n" + std::string(data));
    if (start == std::string::npos) continue;  // a comment that keeps the stream alive
    const std::size_t from = block.find(data, start) + data.size();
    return block.substr(from, block.find('\n', from) - from);
  }
}

Result<std::optional<std::string>> EventStream::next(std::chrono::milliseconds limit, int reader) {
  const Patience patience{Clock::now() + limit, reader};
  for (;;) {
    if (std::optional<std::string> event = take_event()) return event;
    if (buffer_.size() > limits::control_event) return fail(Errc::limit, "an event of the node is too long");
    const Waited waited = wait_for(socket_.get(), POLLIN, patience);
    if (waited == Waited::late) return std::optional<std::string>();
    if (waited == Waited::unread) return missed(waited);
    const Result<bool> more = receive(socket_.get(), buffer_, patience);
    if (!more) return std::unexpected(more.error());
    if (!*more) return fail(Errc::closed, "the node ended");
  }
}

}  // namespace mosaik::control
