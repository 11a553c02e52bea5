#include "settings/spelling.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

namespace mosaik::command {
namespace {

constexpr std::size_t longest_word = 64;  ///< longer ones are near to nothing

/// Levenshtein's distance: letters to change, add or drop.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string perhaps(std::string_view word, std::span<const std::string> known) {
  const std::string near = nearest(word, known);
  return near.empty() ? "" : "; did you mean '" + near + "'?";
}

bool means_a_secret(std::string_view flag) {
  constexpr std::array<std::string_view, 8> names = {"--group-secret", "--secret",   "--secret-key", "--key",
                                                     "--group-key",    "--password", "--psk",        "--token"};
  return std::ranges::find(names, flag) != names.end();
}

}  // namespace

std::string nearest(std::string_view word, std::span<const std::string> known) {
  std::string best;
  if (word.size() > longest_word) return best;
  std::size_t least = std::min<std::size_t>(2, word.size() / 2) + 1;
  for (const std::string& candidate : known) {
    const bool begun = word.size() >= 3 && candidate.starts_with(word);
    const std::size_t apart = begun ? 1 : distance(word, candidate);
    if (apart >= least) continue;
    least = apart;
    best = candidate;
  }
  return best;
}

std::string unknown_flag(std::string_view verb, std::string_view flag, std::span<const std::string> known) {
  const std::string_view name = flag.substr(0, flag.find('='));
  const std::string text = fmt::format("'{}' has no flag {}", verb, name);
  if (!means_a_secret(name)) return text + perhaps(name, known);
  return text +
         ": everybody on this computer can read a command line. Write the secret into a file, run chmod 600 on it, and "
         "give its name with --group-secret-file (of a group) or --secret-key-file (of this node)";
}

std::string unknown_word(std::string_view verb, std::string_view word, std::span<const std::string> known) {
  if (known.empty()) return fmt::format("'{}' can not take '{}': nothing more is expected there", verb, word);
  const std::string near = perhaps(word, known);
  return fmt::format("'{}' has no verb '{}'{}", verb, word,
                     near.empty() ? fmt::format("; it has {}", fmt::join(known, ", ")) : near);
}

std::string in_our_words(std::string_view verb, std::string_view complaint, std::span<const std::string> known) {
  constexpr std::string_view no_number = "Could not convert: ";
  constexpr std::string_view lacking = " is required";
  constexpr std::string_view one_value = ": 1 required ";
  constexpr std::string_view missing = " missing";
  if (complaint == "A subcommand is required")
    return fmt::format("'{}' needs one of: {}", verb, fmt::join(known, ", "));
  if (complaint.starts_with(no_number)) {
    const std::string_view rest = complaint.substr(no_number.size());
    const std::size_t equals = std::min(rest.find(" = "), rest.size());
    const std::string_view value = equals < rest.size() ? rest.substr(equals + 3) : std::string_view();
    return fmt::format("{}: '{}' is no number that fits; write a whole one, e.g. 3", rest.substr(0, equals), value);
  }
  if (complaint.ends_with(lacking))
    return fmt::format("'{}' needs {}", verb, complaint.substr(0, complaint.size() - lacking.size()));
  const std::size_t value = complaint.find(one_value);
  if (value != std::string_view::npos && complaint.ends_with(missing)) {
    const std::string_view kind = complaint.substr(value + one_value.size());
    return fmt::format("{} needs a value: {}", complaint.substr(0, value),
                       kind.substr(0, kind.size() - missing.size()));
  }
  return std::string(complaint);
}

}  // namespace mosaik::command
