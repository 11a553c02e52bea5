#include "view/matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace mosaik::command {
namespace {

enum class Cell { itself, own, both_ends, one_sided, as_reported, missing, unknown };

struct Mark {
  Cell cell;
  const char* utf8;
  const char* ascii;
  const char* meaning;
};

constexpr std::array marks = {
    Mark{Cell::itself, "\xE2\x95\xB2", "\\", ""},
    Mark{Cell::own, "\xE2\x97\x89", "@", "own bond"},
    Mark{Cell::both_ends, "\xE2\x97\x8F", "#", "both ends say so"},
    Mark{Cell::one_sided, "\xE2\x97\x90", "!", "one-sided: only one end says so"},
    Mark{Cell::as_reported, "\xE2\x97\x8B", "o", "as reported, never confirmed since"},
    Mark{Cell::missing, "\xC2\xB7", ".", "missing"},
    Mark{Cell::unknown, " ", " ", ""},
};

const Mark& mark_of(Cell cell) {
  return *std::ranges::find(marks, cell, &Mark::cell);
}

class Drawing {
 public:
  Drawing(const Bonds& bonds, const std::vector<PeerId>& members, const PeerId& self, const Style& style)
      : bonds_(bonds), members_(members), self_(self), style_(style), utf8_(speaks_utf8()) {
    for (const Bonds::Pair& pair : bonds.missing()) missing_.insert(pair);
  }

  /// Columns from `first` to before `last`.
  std::string block(std::size_t first, std::size_t last) {
    std::string out = head(first, last);
    for (std::size_t row = 0; row < members_.size(); ++row) {
      std::string line = label(row) + " ";
      for (std::size_t column = first; column < last; ++column) line += " " + drawn(members_[row], members_[column]);
      out += line + "\n";
    }
    return out;
  }

  std::string legend() const {
    std::string out;
    for (const Mark& mark : marks)
      if (seen_.contains(mark.cell) && *mark.meaning != '\0')
        out += fmt::format("{}{} {}", out.empty() ? "" : "   ", coloured(mark), mark.meaning);
    return out.empty() ? "" : out + "\n";
  }

  static constexpr std::size_t label_width = 15;  ///< number, id and gaps

 private:
  /// The number of a member, upright: tens above ones, and hundreds above those.
  std::string head(std::size_t first, std::size_t last) const {
    std::string out;
    for (const std::size_t place : {100U, 10U, 1U}) {
      if (place > 1 && last < place) continue;
      std::string line(label_width, ' ');
      for (std::size_t column = first; column < last; ++column) {
        const std::size_t number = column + 1;
        line += number >= place ? fmt::format(" {}", number / place % 10) : "  ";
      }
      out += style_.dim(line) + "\n";
    }
    return out;
  }

  std::string label(std::size_t row) const {
    const std::string id = members_[row].brief();
    return style_.dim(fmt::format("{:>3}", row + 1)) + " " + (members_[row] == self_ ? style_.bold(id) : id);
  }

  Cell cell(const PeerId& x, const PeerId& y) const {
    if (x == y) return Cell::itself;
    if (const Bond* const bond = bonds_.between(x, y)) {
      switch (bond->state()) {
        case BondState::own: return Cell::own;
        case BondState::both_ends: return Cell::both_ends;
        case BondState::one_sided: return Cell::one_sided;
        case BondState::as_reported: return Cell::as_reported;
      }
    }
    return missing_.contains(std::minmax(x, y)) ? Cell::missing : Cell::unknown;
  }

  std::string drawn(const PeerId& x, const PeerId& y) {
    const Cell found = cell(x, y);
    seen_.insert(found);
    return coloured(mark_of(found));
  }

  std::string coloured(const Mark& mark) const {
    const char* const text = utf8_ ? mark.utf8 : mark.ascii;
    switch (mark.cell) {
      case Cell::own: return style_.cyan(text);
      case Cell::both_ends: return style_.green(text);
      case Cell::one_sided: return style_.yellow(text);
      case Cell::missing: return style_.red(text);
      default: return style_.dim(text);
    }
  }

  const Bonds& bonds_;
  const std::vector<PeerId>& members_;
  const PeerId& self_;
  const Style& style_;
  bool utf8_;
  std::set<Bonds::Pair> missing_;
  std::set<Cell> seen_;
};

}  // namespace

std::string draw_matrix(const Bonds& bonds, const std::vector<PeerId>& members, const PeerId& self, const Style& style,
                        const MatrixSize& size) {
  const std::size_t room = size.width > Drawing::label_width ? (size.width - Drawing::label_width) / 2 : 1;
  const std::size_t columns = std::max<std::size_t>(room, 8);
  Drawing drawing(bonds, members, self, style);
  std::string out;
  for (std::size_t first = 0; first < members.size(); first += columns) {
    if (first > 0) out += "\n";
    out += drawing.block(first, std::min(first + columns, members.size()));
  }
  return out + drawing.legend();
}

std::vector<PeerId> members_of(const Bonds& bonds, const PeerId& self) {
  std::set<PeerId> found{self};
  for (const Bond& bond : bonds) found.insert({bond.a(), bond.b()});
  for (const auto& [a, b] : bonds.missing()) found.insert({a, b});
  return {found.begin(), found.end()};
}

}  // namespace mosaik::command
