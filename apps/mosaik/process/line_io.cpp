#include "process/line_io.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

namespace mosaik::command {
namespace {

constexpr std::size_t longest_line = 16U << 20U;

}  // namespace

bool LineReader::fill() {
  std::array<char, 65536> chunk{};
  const ssize_t got = ::read(fd_, chunk.data(), chunk.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  buffer_.append(chunk.data(), static_cast<std::size_t>(got));
  // A line without an end would grow for ever; its rest is then read as a line of its own and refused as no JSON.
  if (buffer_.size() > longest_line && buffer_.find('\n') == std::string::npos) buffer_ = "\n";
  return got > 0;
}

std::optional<std::string> LineReader::next() {
  const std::size_t end = buffer_.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return line;
}

Written write_line(int fd, std::string_view line, int stop_fd) {
  const std::string text = std::string(line) + "\n";
  std::string_view rest = text;
  while (!rest.empty()) {
    std::array<pollfd, 2> wait{{{fd, POLLOUT, 0}, {stop_fd, POLLIN, 0}}};
    if (::poll(wait.data(), wait.size(), -1) < 0 && errno != EINTR) return Written::closed;
    if ((wait[0].revents & (POLLOUT | POLLERR | POLLHUP)) == 0) {
      if ((wait[1].revents & POLLIN) != 0) return Written::stopped;
      continue;
    }
    // A pipe that poll calls writable takes PIPE_BUF bytes without blocking (pipe(7)).
    const ssize_t sent = ::write(fd, rest.data(), std::min<std::size_t>(rest.size(), PIPE_BUF));
    if (sent > 0)
      rest.remove_prefix(static_cast<std::size_t>(sent));
    else if (sent < 0 && errno != EINTR && errno != EAGAIN)
      return Written::closed;
  }
  return Written::all;
}

}  // namespace mosaik::command
