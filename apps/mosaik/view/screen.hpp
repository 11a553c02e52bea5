#pragma once
/// A picture that is drawn anew in place: on a terminal in the alternate screen or over its own last lines.

#include <termios.h>

#include <string>
#include <string_view>

namespace mosaik::command {

/// The alternate screen of a terminal with keys unechoed; everything is put back at the end.
class FullScreen {
 public:
  FullScreen();
  ~FullScreen();
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;
  /// Shows `text`, cut to the size of the terminal.
  void show(std::string_view text);

 private:
  termios before_{};
  bool keys_changed_ = false;
};

/// Lines at the bottom of an ordinary terminal that replace what was shown before.
class LiveLines {
 public:
  void show(std::string_view text);
  /// Leaves the last picture standing; the next one starts below.
  void keep() noexcept { lines_ = 0; }

 private:
  std::size_t lines_ = 0;
};

}  // namespace mosaik::command
