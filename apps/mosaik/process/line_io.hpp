#pragma once
/// Lines on pipes: read without blocking, written so that a reader who does not read can not keep a signal from us.

#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace mosaik::command {

/// Cuts what a descriptor gives into lines. A line longer than the limit is dropped and told as `too_long`.
class LineReader {
 public:
  explicit LineReader(int fd) noexcept : fd_(fd) {}

  /// Reads once; call when the descriptor is readable. False at the end of input.
  bool fill();
  /// The next whole line without its end.
  [[nodiscard]] std::optional<std::string> next();
  [[nodiscard]] int descriptor() const noexcept { return fd_; }

 private:
  int fd_;
  std::string buffer_;
};

enum class Written { all, stopped, closed };
/// Writes a line and its end; gives up when `stop_fd` becomes readable while the reader takes nothing.
Written write_line(int fd, std::string_view line, int stop_fd);

}  // namespace mosaik::command
