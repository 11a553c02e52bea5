#pragma once
/// Text for people: colour only on a terminal, nothing from the network that could steer one, columns that line up.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace mosaik::command {

/// How to mark words. Plain where the output is no terminal, NO_COLOR is set (no-color.org) or TERM is `dumb`.
class Style {
 public:
  Style() = default;
  [[nodiscard]] static Style of(std::FILE* file);

  [[nodiscard]] bool colours() const noexcept { return colours_; }
  [[nodiscard]] std::string bold(std::string_view text) const { return marked("1", text); }
  [[nodiscard]] std::string dim(std::string_view text) const { return marked("2", text); }
  [[nodiscard]] std::string red(std::string_view text) const { return marked("31", text); }
  [[nodiscard]] std::string green(std::string_view text) const { return marked("32", text); }
  [[nodiscard]] std::string yellow(std::string_view text) const { return marked("33", text); }
  [[nodiscard]] std::string cyan(std::string_view text) const { return marked("36", text); }

 private:
  [[nodiscard]] std::string marked(std::string_view code, std::string_view text) const;
  bool colours_ = false;
};

[[nodiscard]] bool is_terminal(std::FILE* file);
/// Columns of the terminal; 100 where there is none.
[[nodiscard]] std::size_t terminal_width();
[[nodiscard]] std::size_t terminal_height();
/// True when the locale's characters are UTF-8.
[[nodiscard]] bool speaks_utf8();

/// `text` without control characters other than newlines, and without bytes that are no UTF-8: reasons and names come
/// from other computers.
[[nodiscard]] std::string printable(std::string_view text);
/// The same in one line, for tables and lists: a newline is shown as `\n` and forges no row.
[[nodiscard]] std::string one_line(std::string_view text);
/// Standard output is a pipe, socket or terminal whose other end is gone.
[[nodiscard]] bool reader_is_gone();
/// Columns that `text` takes; marks of Style count for nothing.
[[nodiscard]] std::size_t width_of(std::string_view text);
[[nodiscard]] std::string padded(std::string_view text, std::size_t width);

/// `850 us`, `3.2 ms`, `1.25 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`.
[[nodiscard]] std::string duration_text(std::chrono::nanoseconds value);
/// `12:01:02.345`, local time.
[[nodiscard]] std::string clock_text(std::int64_t wall_ms);
/// `1 bond`, `2 bonds`.
[[nodiscard]] std::string counted(std::size_t count, std::string_view noun);

/// Rows of cells under a head. Cells may be marked by Style.
class Table {
 public:
  explicit Table(std::vector<std::string> head) : rows_{std::move(head)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::string text(const Style& style) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// Writes to standard output and flushes; false when nobody reads it any more.
bool print(std::string_view text);

}  // namespace mosaik::command
