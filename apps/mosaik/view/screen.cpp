#include "view/screen.hpp"

#include <unistd.h>

#include <algorithm>

#include "view/output.hpp"

namespace mosaik::command {

FullScreen::FullScreen() {
  termios now{};
  if (::tcgetattr(STDIN_FILENO, &before_) == 0) {
    now = before_;
    now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    keys_changed_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
  }
  print("\x1b[?1049h\x1b[?25l");
}

FullScreen::~FullScreen() {
  print("\x1b[?25h\x1b[?1049l");
  if (keys_changed_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

void FullScreen::show(std::string_view text) {
  std::string out = "\x1b[H";
  std::size_t room = terminal_height();
  // No line may wrap, or the picture would scroll: wrapping is off while it is drawn.
  out += "\x1b[?7l";
  while (!text.empty() && room > 0) {
    const std::size_t end = text.find('\n');
    out += text.substr(0, end);
    out += --room > 0 ? "\x1b[K\n" : "\x1b[K";
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  print(out + "\x1b[J\x1b[?7h");
}

void LiveLines::show(std::string_view text) {
  std::string out;
  if (lines_ > 0) out += "\x1b[" + std::to_string(lines_) + "A\r\x1b[J";
  out += "\x1b[?7l";
  out += text;
  out += "\x1b[?7h";
  lines_ = static_cast<std::size_t>(std::ranges::count(text, '\n'));
  print(out);
}

}  // namespace mosaik::command
