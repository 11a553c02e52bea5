#pragma once
/// Which terms a C++ member campaigns in, and how log positions compare.
///
/// The law: no two C++ members ever campaign in the same term. A term is `round << 24 | slot`; the slot is 23 bits of
/// the member's id and run, and a member campaigns only in terms with its own slot: a run that has forgotten its terms
/// does not lead in one again. A Rust member campaigns in any term it has
/// seen, plus one; it follows whatever term is higher, so it follows ours.
///  * An election among several opens a new round: the next term is `(round + 1) << 24 | slot`.
///  * A member that elects itself because it has never had company stays in round 0, in a *lone* term: bit 23 is set.
///    No other member has agreed to what it commits there. Before it speaks to anyone it takes a term of a new round.
///
/// Positions compare by term, then index (spec: groups 1.4), with one exception: all lone terms count as one, so that
/// of two members which each started alone the one with more entries is ahead. The crate's lone members all use term 1
/// and get the same order from that. The order is total, and equal to the crate's wherever no lone term takes part.
///
/// Two slots are equal by chance once in 8 million; then one vote a term still keeps two members from winning the same
/// votes.
/// Terms above `greatest` are not believed: a member that leaps there cannot drive the others into an overflow. It can
/// leap just below, and leave no term to campaign in (docs/THREATS.md).

#include <compare>
#include <optional>

#include <mosaik/types/id.hpp>

#include "consensus/dynamic/cursor.hpp"

namespace mosaik::consensus::terms {

inline constexpr unsigned slot_bits = 24;
inline constexpr std::uint64_t lone_bit = 1ULL << (slot_bits - 1);
inline constexpr Term greatest{1ULL << 62U};

/// The slot of a member in one run of it: never 0. Run 0: of its id alone.
[[nodiscard]] constexpr std::uint64_t slot_of(const PeerId& id, std::uint64_t run = 0) noexcept {
  const Bytes32& bytes = id.bytes();
  const std::uint64_t own =
      static_cast<std::uint64_t>(bytes[0]) << 16U | static_cast<std::uint64_t>(bytes[1]) << 8U | bytes[2];
  const std::uint64_t slot = (own ^ (run * 0x9e37'79b9'7f4a'7c15ULL) >> 32U) & (lone_bit - 1);
  return slot == 0 ? 1 : slot;
}

[[nodiscard]] constexpr std::uint64_t round_of(Term term) noexcept {
  return term.value >> slot_bits;
}
/// A term in which a member elected itself without ever having had company.
[[nodiscard]] constexpr bool is_lone(Term term) noexcept {
  return round_of(term) == 0 && (term.value & lone_bit) != 0;
}

/// The term for an election among several, after `current`; none when there are no terms left.
[[nodiscard]] constexpr std::optional<Term> next(Term current, std::uint64_t slot) noexcept {
  if (current >= greatest) return std::nullopt;
  const Term out{(round_of(current) + 1) << slot_bits | slot};
  return out > greatest ? std::nullopt : std::optional(out);
}
/// The term for an election without company, after `current`.
[[nodiscard]] constexpr std::optional<Term> next_lone(Term current, std::uint64_t slot) noexcept {
  const Term lone{lone_bit | slot};
  return lone > current ? std::optional(lone) : next(current, slot);
}

/// Which log is further: less means that `a` is behind `b`.
[[nodiscard]] constexpr std::strong_ordering compare(const Cursor& a, const Cursor& b) noexcept {
  const auto key = [](Term term) { return is_lone(term) ? Term{lone_bit} : term; };
  if (const auto order = key(a.term) <=> key(b.term); order != 0) return order;
  if (const auto order = a.index <=> b.index; order != 0) return order;
  return a.term <=> b.term;
}
[[nodiscard]] constexpr bool is_behind(const Cursor& a, const Cursor& b) noexcept {
  return compare(a, b) < 0;
}

}  // namespace mosaik::consensus::terms
