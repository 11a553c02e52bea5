#include "wire/semver.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>

namespace mosaik::wire {
namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_identifier_char(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}
bool is_numeric(std::string_view text) noexcept {
  return std::ranges::all_of(text, is_digit);
}
bool has_leading_zero(std::string_view text) noexcept {
  return text.size() > 1 && text.front() == '0';
}

/// Takes what stands before `mark` off the front of `text`, and the mark; all of it when there is none.
std::string_view take_until(std::string_view& text, char mark) noexcept {
  const std::size_t end = std::min(text.find(mark), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  if (text.empty() || !is_numeric(text) || has_leading_zero(text)) return std::nullopt;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

enum class Zeros : std::uint8_t { allowed, refused };

/// Identifiers with dots between them; in a pre-release a numeric one has no leading zeros.
bool are_identifiers(std::string_view text, Zeros zeros) noexcept {
  if (text.empty() || text.back() == '.') return false;
  while (!text.empty()) {
    const std::string_view one = take_until(text, '.');
    if (one.empty() || !std::ranges::all_of(one, is_identifier_char)) return false;
    if (zeros == Zeros::refused && is_numeric(one) && has_leading_zero(one)) return false;
  }
  return true;
}

}  // namespace

std::optional<SemVer> parse_semver(std::string_view text) noexcept {
  SemVer out;
  if (const std::size_t plus = text.find('+'); plus != std::string_view::npos) {
    out.build = text.substr(plus + 1);
    if (!are_identifiers(out.build, Zeros::allowed)) return std::nullopt;
    text = text.substr(0, plus);
  }
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos) {
    out.pre = text.substr(dash + 1);
    if (!are_identifiers(out.pre, Zeros::refused)) return std::nullopt;
    text = text.substr(0, dash);
  }
  if (std::ranges::count(text, '.') != 2) return std::nullopt;
  const auto major = parse_number(take_until(text, '.'));
  const auto minor = parse_number(take_until(text, '.'));
  const auto patch = parse_number(text);
  if (!major || !minor || !patch) return std::nullopt;
  out.major = *major;
  out.minor = *minor;
  out.patch = *patch;
  return out;
}

bool is_below(const SemVer& version, std::uint64_t major, std::uint64_t minor) noexcept {
  const auto have = std::tuple(version.major, version.minor);
  const auto want = std::tuple(major, minor);
  return have < want || (have == want && version.patch == 0 && !version.pre.empty());
}

}  // namespace mosaik::wire
