#include <mosaik/serialization/postcard_types.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace mosaik::postcard {
namespace {

using Bytes = std::vector<std::uint8_t>;

enum class Colour : std::uint8_t { red, green };
struct Unit {};
struct Put {
  std::string key;
  Bytes value;
};
struct Delete {
  std::string key;
};
using Change = std::variant<Put, Delete, std::monostate>;
struct Wide {
  bool a = false;
  std::uint8_t b = 0;
  std::int8_t c = 0;
  std::uint16_t d = 0;
  std::int32_t e = 0;
  std::uint64_t f = 0;
  double g = 0;
  Colour h = Colour::red;
  std::optional<std::uint32_t> i;
  std::vector<std::string> j;
  std::map<std::string, std::uint64_t> k;
  std::array<std::uint16_t, 3> l{};
  std::pair<std::int64_t, float> m;
  Change n;
  std::set<std::uint32_t> o;
  Unit p;
  bool operator==(const Wide& other) const { return encode(*this) == encode(other); }
};
struct Reordered {
  std::uint8_t second = 0;
  std::uint8_t first = 0;
  static constexpr auto members = std::tuple(&Reordered::first, &Reordered::second);
};
struct Celsius {
  double degrees = 0;
  Celsius() = default;
  explicit Celsius(double value) : degrees(value) {}
};

}  // namespace

template <>
struct Codec<Celsius> {
  static void put(Writer& out, const Celsius& value) { out.zigzag(static_cast<std::int64_t>(value.degrees * 10)); }
  static void take(Reader& in, Celsius& value) { value.degrees = static_cast<double>(in.zigzag()) / 10; }
};

namespace {

template <class T>
T there_and_back(const T& value) {
  const auto out = decode<T>(encode(value));
  EXPECT_TRUE(out.has_value());
  return out.value_or(T{});
}

// Bytes as serde and postcard 1.x give them (docs/protocol/groups.md 1.1).
TEST(PostcardTypes, have_the_bytes_of_their_rust_counterparts) {
  EXPECT_EQ(encode(std::uint32_t{300}), (Bytes{0xac, 0x02}));
  EXPECT_EQ(encode(std::int64_t{-3}), (Bytes{0x05}));
  EXPECT_EQ(encode(std::int8_t{-1}), (Bytes{0xff}));
  EXPECT_EQ(encode(1.5F), (Bytes{0x00, 0x00, 0xc0, 0x3f}));
  EXPECT_EQ(encode(std::optional<std::uint8_t>{7}), (Bytes{1, 7}));
  EXPECT_EQ(encode(std::optional<std::uint8_t>{}), (Bytes{0}));
  EXPECT_EQ(encode(std::string("hi")), (Bytes{2, 'h', 'i'}));
  EXPECT_EQ(encode(Bytes{9, 8}), (Bytes{2, 9, 8}));
  EXPECT_EQ(encode(std::vector<std::uint32_t>{1, 200}), (Bytes{2, 1, 0xc8, 0x01}));
  EXPECT_EQ(encode(std::array<std::uint8_t, 2>{5, 6}), (Bytes{5, 6})) << "no length";
  EXPECT_EQ(encode(std::map<std::string, std::uint8_t>{{"b", 2}, {"a", 1}}), (Bytes{2, 1, 'a', 1, 1, 'b', 2}));
  EXPECT_EQ(encode(Colour::green), (Bytes{1}));
  EXPECT_EQ(encode(Unit{}), Bytes{});
  EXPECT_EQ(encode(Change(Delete{"k"})), (Bytes{1, 1, 'k'}));
  EXPECT_EQ(encode(Change(std::monostate{})), (Bytes{2}));
  EXPECT_EQ(encode(Put{"k", {7}}), (Bytes{1, 'k', 1, 7}));
  EXPECT_EQ(encode(Reordered{.second = 2, .first = 1}), (Bytes{1, 2}));
  EXPECT_EQ(encode(Celsius(-0.5)), (Bytes{0x09}));
}

TEST(PostcardTypes, come_back_as_they_went) {
  Wide wide;
  wide.c = std::numeric_limits<std::int8_t>::min();
  wide.e = std::numeric_limits<std::int32_t>::min();
  wide.f = std::numeric_limits<std::uint64_t>::max();
  wide.g = -0.25;
  wide.h = Colour::green;
  wide.i = 5;
  wide.j = {"one", ""};
  wide.k = {{"x", 1}};
  wide.m = {std::numeric_limits<std::int64_t>::min(), 2.5F};
  wide.n = Put{"key", {1, 2, 3}};
  wide.o = {3, 1};
  EXPECT_EQ(there_and_back(wide), wide);
  EXPECT_EQ(there_and_back(Celsius(36.6)).degrees, 36.6);
  EXPECT_EQ(there_and_back(Digest(Bytes32{1, 2, 3})), Digest(Bytes32{1, 2, 3}));
}

TEST(PostcardTypes, refuse_what_they_cannot_be) {
  EXPECT_FALSE(decode<Change>(Bytes{3}).has_value()) << "an unknown case";
  EXPECT_FALSE(decode<Colour>(Bytes{0x80, 0x02}).has_value()) << "more than its type can hold";
  EXPECT_FALSE(decode<std::uint16_t>(Bytes{0xff, 0xff, 0x7f}).has_value());
  EXPECT_FALSE(decode<std::int16_t>(Bytes{0xff, 0xff, 0x7f}).has_value());
  EXPECT_FALSE(decode<bool>(Bytes{2}).has_value());
  EXPECT_FALSE(decode<std::string>(Bytes{2, 0xff, 0xff}).has_value()) << "not UTF-8";
  EXPECT_FALSE(decode<Put>(Bytes{1, 'k', 3, 7}).has_value()) << "cut";
  EXPECT_FALSE(decode<std::optional<bool>>(Bytes{}).has_value());
}

TEST(PostcardTypes, allocate_no_more_than_the_input_holds_whatever_it_announces) {
  const Bytes huge{0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3};
  EXPECT_FALSE(decode<std::vector<std::uint64_t>>(huge).has_value());
  EXPECT_FALSE(decode<Bytes>(huge).has_value());
  EXPECT_FALSE(decode<std::vector<Unit>>(huge).has_value()) << "units take no bytes, and are bounded all the same";
  EXPECT_FALSE((decode<std::map<std::uint8_t, Unit>>(huge).has_value()));
}

TEST(PostcardTypes, ignore_what_follows_the_value_as_the_crate_does) {
  const auto out = decode<std::uint8_t>(Bytes{7, 8, 9});
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(*out, 7);
}

}  // namespace
}  // namespace mosaik::postcard
