#pragma once
/// counter: the machine of `mosaik node --machine counter`: a number that wraps around. Byte for byte the counter of
/// the Rust test peer (tests/interop/rustpeer), so that both kinds of node count in one group.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <mosaik/consensus/state_machine.hpp>

namespace mosaik::command {

struct Counter {
  struct Add {
    std::uint32_t n = 0;
  };
  struct Sub {
    std::uint32_t n = 0;
  };
  /// A payload of any size that counts as one: for measurements.
  struct Blob {
    std::vector<std::uint8_t> bytes;
  };
  using Command = std::variant<Add, Sub, Blob>;
  using Query = std::monostate;
  using QueryResult = std::int64_t;

  static constexpr std::string_view name = "counter";
  static constexpr std::string_view default_id = "interop_counter_v1";
  static constexpr std::string_view default_rust_type = "rustpeer::Counter";
  static constexpr bool runs_in_line = true;

  [[nodiscard]] Digest signature() const { return Digest::of(machine_id); }

  void apply(const Command& command, const ApplyContext&) {
    if (const auto* add = std::get_if<Add>(&command)) value += add->n;
    if (const auto* sub = std::get_if<Sub>(&command)) value -= sub->n;
    if (std::holds_alternative<Blob>(command)) ++value;
  }
  [[nodiscard]] QueryResult query(const Query&) const { return static_cast<std::int64_t>(value); }

  std::string machine_id{default_id};
  std::string rust_type{default_rust_type};
  std::uint64_t value = 0;  ///< two's complement: it wraps around as Rust's wrapping_add does
};

}  // namespace mosaik::command
