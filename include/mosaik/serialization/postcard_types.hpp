#pragma once
/// postcard for values: what commands, queries and answers of a state machine travel as, so that a Rust peer with serde
/// reads them (docs/protocol/encoding.md 1.1).
///
///   encode(value) -> bytes        decode<T>(bytes) -> Result<T>, Errc::malformed
///
/// Ready for use: bool; integers of 8 to 64 bits; float and double; std::string; byte vectors; std::vector, std::array,
/// std::map, std::set, std::optional, std::pair, std::tuple; std::variant and enums (a Rust enum: the index, then the
/// payload); std::monostate (a unit); Id and Digest; and aggregates of up to 16 members, in the order of their
/// declaration. An aggregate may list its members instead, for more of them or another order:
///
///   struct Put { std::string key, value;  static constexpr auto members = std::tuple(&Put::key, &Put::value); };
///
/// Any other type is given a specialization of Codec<T>: `static void put(Writer&, const T&)` and
/// `static void take(Reader&, T&)`, which calls Reader::reject() for what it can not be.
///
/// Decoding allocates by what the input holds and not by what it announces: at most one element for each byte, so that
/// one byte may become one sizeof(T). It ignores what follows the value, as the crate does.

#include <mosaik/export.hpp>

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <mosaik/serialization/postcard.hpp>
#include <mosaik/types/result.hpp>

namespace mosaik::postcard {

template <class T>
struct Codec;

template <class T>
void put(Writer& out, const T& value) {
  Codec<T>::put(out, value);
}
template <class T>
void take(Reader& in, T& value) {
  Codec<T>::take(in, value);
}

namespace detail {

// clang-format off
/// Members of an aggregate: as many as it can be made of, each from {}. 17 stands for more than 16.
template <class T>
consteval std::size_t member_count() {
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 17;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 16;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 15;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 14;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 13;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 12;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 11;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 10;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}}; }) return 9;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}}; }) return 8;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}}; }) return 7;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}}; }) return 6;
  else if constexpr (requires { T{{}, {}, {}, {}, {}}; }) return 5;
  else if constexpr (requires { T{{}, {}, {}, {}}; }) return 4;
  else if constexpr (requires { T{{}, {}, {}}; }) return 3;
  else if constexpr (requires { T{{}, {}}; }) return 2;
  else if constexpr (requires { T{{}}; }) return 1;
  else return 0;
}

// clang-format on

template <class T>
concept ListsMembers = requires { std::tuple_size<std::remove_cvref_t<decltype(T::members)>>::value; };
template <class T>
concept PlainAggregate = std::is_aggregate_v<T> && !std::is_array_v<T> && !ListsMembers<T>;

/// Calls `call` with each member of an aggregate, in order.
template <class T, class Call>
constexpr void each_member(T& value, Call&& call) {
  constexpr std::size_t count = member_count<std::remove_cv_t<T>>();
  static_assert(
      count <= 16,
      "list the members of an aggregate of more than 16: static constexpr auto members = std::tuple(&T::a, ...)");
  const auto all = [&](auto&... members) { (call(members), ...); };
  // clang-format off
  if constexpr (count == 1) { auto& [a] = value; all(a); }
  else if constexpr (count == 2) { auto& [a, b] = value; all(a, b); }
  else if constexpr (count == 3) { auto& [a, b, c] = value; all(a, b, c); }
  else if constexpr (count == 4) { auto& [a, b, c, d] = value; all(a, b, c, d); }
  else if constexpr (count == 5) { auto& [a, b, c, d, e] = value; all(a, b, c, d, e); }
  else if constexpr (count == 6) { auto& [a, b, c, d, e, f] = value; all(a, b, c, d, e, f); }
  else if constexpr (count == 7) { auto& [a, b, c, d, e, f, g] = value; all(a, b, c, d, e, f, g); }
  else if constexpr (count == 8) { auto& [a, b, c, d, e, f, g, h] = value; all(a, b, c, d, e, f, g, h); }
  else if constexpr (count == 9) { auto& [a, b, c, d, e, f, g, h, i] = value; all(a, b, c, d, e, f, g, h, i); }
  else if constexpr (count == 10) { auto& [a, b, c, d, e, f, g, h, i, j] = value; all(a, b, c, d, e, f, g, h, i, j); }
  else if constexpr (count == 11) { auto& [a, b, c, d, e, f, g, h, i, j, k] = value; all(a, b, c, d, e, f, g, h, i, j, k); }
  else if constexpr (count == 12) { auto& [a, b, c, d, e, f, g, h, i, j, k, l] = value; all(a, b, c, d, e, f, g, h, i, j, k, l); }
  else if constexpr (count == 13) { auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = value; all(a, b, c, d, e, f, g, h, i, j, k, l, m); }
  else if constexpr (count == 14) { auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = value; all(a, b, c, d, e, f, g, h, i, j, k, l, m, n); }
  else if constexpr (count == 15) { auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = value; all(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o); }
  else if constexpr (count == 16) { auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value; all(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p); }
  // clang-format on
}

/// A list is no longer than its input has bytes: a list of units, which take none, is refused beyond that.
template <class Items, class Add>
void take_items(Reader& in, const Add& add) {
  const std::size_t count = in.count(1);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    Items item{};
    take(in, item);
    if (in.ok()) add(std::move(item));
  }
}

}  // namespace detail

template <>
struct Codec<bool> {
  static void put(Writer& out, bool value) { out.boolean(value); }
  static void take(Reader& in, bool& value) { value = in.boolean(); }
};

template <std::integral T>
struct Codec<T> {
  static_assert(sizeof(T) <= 8);
  static void put(Writer& out, T value) {
    if constexpr (sizeof(T) == 1)
      out.u8(static_cast<std::uint8_t>(value));
    else if constexpr (std::is_signed_v<T>)
      out.zigzag(value);
    else
      out.varint(value);
  }
  static void take(Reader& in, T& value) {
    if constexpr (sizeof(T) == 1) {
      value = static_cast<T>(in.u8());
    } else if constexpr (std::is_signed_v<T>) {
      const std::uint64_t zigzag = in.varint(8 * sizeof(T));
      value = static_cast<T>(static_cast<std::int64_t>(zigzag >> 1U) ^ -static_cast<std::int64_t>(zigzag & 1U));
    } else {
      value = static_cast<T>(in.varint(8 * sizeof(T)));
    }
  }
};

template <std::floating_point T>
  requires(sizeof(T) == 4 || sizeof(T) == 8)
struct Codec<T> {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  static void put(Writer& out, T value) {
    const Bits bits = std::bit_cast<Bits>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i) out.u8(static_cast<std::uint8_t>(bits >> (8 * i)));
  }
  static void take(Reader& in, T& value) {
    Bits bits = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) bits |= static_cast<Bits>(in.u8()) << (8 * i);
    value = std::bit_cast<T>(bits);
  }
};

/// An enum is a Rust enum without payload: its value is the index.
template <class T>
  requires std::is_enum_v<T>
struct Codec<T> {
  static void put(Writer& out, T value) { out.varint(static_cast<std::uint64_t>(value)); }
  static void take(Reader& in, T& value) {
    const std::uint64_t index = in.varint(32);
    value = static_cast<T>(index);
    // The enum may have holes that nobody can know; what its type can not hold it can not be.
    if (static_cast<std::uint64_t>(value) != index) in.reject();
  }
};

template <>
struct Codec<std::monostate> {
  static void put(Writer&, std::monostate) {}
  static void take(Reader&, std::monostate&) {}
};

template <>
struct Codec<std::string> {
  static void put(Writer& out, const std::string& value) { out.text(value); }
  static void take(Reader& in, std::string& value) { value = in.text(); }
};

template <class Kind>
struct Codec<Id<Kind>> {
  static void put(Writer& out, const Id<Kind>& value) { out.id(value); }
  static void take(Reader& in, Id<Kind>& value) { value = in.id<Id<Kind>>(); }
};

template <>
struct Codec<Digest> {
  static void put(Writer& out, const Digest& value) { out.id(value); }
  static void take(Reader& in, Digest& value) { value = in.id<Digest>(); }
};

template <class T>
struct Codec<std::optional<T>> {
  static void put(Writer& out, const std::optional<T>& value) {
    out.boolean(value.has_value());
    if (value) postcard::put(out, *value);
  }
  static void take(Reader& in, std::optional<T>& value) {
    value.reset();
    if (in.boolean()) postcard::take(in, value.emplace());
  }
};

template <class T>
struct Codec<std::vector<T>> {
  static void put(Writer& out, const std::vector<T>& value) {
    if constexpr (std::is_same_v<T, std::uint8_t>) {
      out.bytes(value);
    } else {
      out.varint(value.size());
      for (const auto& item : value) postcard::put<T>(out, item);
    }
  }
  static void take(Reader& in, std::vector<T>& value) {
    value.clear();
    if constexpr (std::is_same_v<T, std::uint8_t>) {
      const BytesView bytes = in.bytes();
      value.assign(bytes.begin(), bytes.end());
    } else {
      detail::take_items<T>(in, [&](T item) { value.push_back(std::move(item)); });
    }
  }
};

template <class T, std::size_t n>
struct Codec<std::array<T, n>> {
  static void put(Writer& out, const std::array<T, n>& value) {
    for (const T& item : value) postcard::put(out, item);
  }
  static void take(Reader& in, std::array<T, n>& value) {
    for (T& item : value) postcard::take(in, item);
  }
};

template <class Key, class Value>
struct Codec<std::map<Key, Value>> {
  static void put(Writer& out, const std::map<Key, Value>& value) {
    out.varint(value.size());
    for (const auto& [key, item] : value) {
      postcard::put(out, key);
      postcard::put(out, item);
    }
  }
  static void take(Reader& in, std::map<Key, Value>& value) {
    value.clear();
    detail::take_items<std::pair<Key, Value>>(
        in, [&](std::pair<Key, Value> item) { value.insert_or_assign(std::move(item.first), std::move(item.second)); });
  }
};

template <class T>
struct Codec<std::set<T>> {
  static void put(Writer& out, const std::set<T>& value) {
    out.varint(value.size());
    for (const T& item : value) postcard::put(out, item);
  }
  static void take(Reader& in, std::set<T>& value) {
    value.clear();
    detail::take_items<T>(in, [&](T item) { value.insert(std::move(item)); });
  }
};

template <class First, class Second>
struct Codec<std::pair<First, Second>> {
  static void put(Writer& out, const std::pair<First, Second>& value) {
    postcard::put(out, value.first);
    postcard::put(out, value.second);
  }
  static void take(Reader& in, std::pair<First, Second>& value) {
    postcard::take(in, value.first);
    postcard::take(in, value.second);
  }
};

template <class... Items>
struct Codec<std::tuple<Items...>> {
  static void put(Writer& out, const std::tuple<Items...>& value) {
    std::apply([&](const auto&... items) { (postcard::put(out, items), ...); }, value);
  }
  static void take(Reader& in, std::tuple<Items...>& value) {
    std::apply([&](auto&... items) { (postcard::take(in, items), ...); }, value);
  }
};

template <class... Cases>
struct Codec<std::variant<Cases...>> {
  static void put(Writer& out, const std::variant<Cases...>& value) {
    out.varint(value.index());
    std::visit([&](const auto& item) { postcard::put(out, item); }, value);
  }
  static void take(Reader& in, std::variant<Cases...>& value) {
    const std::uint64_t index = in.varint(32);
    if (index >= sizeof...(Cases)) return in.reject();
    take_case(in, value, index, std::index_sequence_for<Cases...>{});
  }

 private:
  template <std::size_t... at>
  static void take_case(Reader& in, std::variant<Cases...>& value, std::uint64_t index, std::index_sequence<at...>) {
    static_cast<void>(((index == at ? (postcard::take(in, value.template emplace<at>()), true) : false) || ...));
  }
};

template <detail::ListsMembers T>
struct Codec<T> {
  static void put(Writer& out, const T& value) {
    std::apply([&](const auto... members) { (postcard::put(out, value.*members), ...); }, T::members);
  }
  static void take(Reader& in, T& value) {
    std::apply([&](const auto... members) { (postcard::take(in, value.*members), ...); }, T::members);
  }
};

template <detail::PlainAggregate T>
struct Codec<T> {
  static void put(Writer& out, const T& value) {
    detail::each_member(value, [&](const auto& member) { postcard::put(out, member); });
  }
  static void take(Reader& in, T& value) {
    detail::each_member(value, [&](auto& member) { postcard::take(in, member); });
  }
};

template <class T>
[[nodiscard]] std::vector<std::uint8_t> encode(const T& value) {
  std::vector<std::uint8_t> out;
  Writer writer(out);
  put(writer, value);
  return out;
}

/// Errors: malformed. Trailing bytes are ignored (docs/protocol/encoding.md 1.1).
template <class T>
[[nodiscard]] Result<T> decode(BytesView bytes) {
  Reader reader(bytes);
  T out{};
  take(reader, out);
  if (!reader.ok()) return fail(Errc::malformed, "the bytes are no value of this type");
  return out;
}

}  // namespace mosaik::postcard
