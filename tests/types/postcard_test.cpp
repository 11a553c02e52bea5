#include <gtest/gtest.h>

#include <mosaik/serialization/postcard.hpp>

#include <functional>
#include <limits>
#include <map>

#include "base/vectors.hpp"

namespace mosaik::postcard {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// How a value of the vectors is written, and how it is read and compared.
struct Shape {
  std::function<void(Writer&)> write;
  std::function<bool(Reader&)> read;
};

const std::map<std::string, Shape, std::less<>>& shapes() {
  const auto number = [](std::uint64_t n) {
    return Shape{[n](Writer& w) { w.varint(n); }, [n](Reader& r) { return r.varint() == n; }};
  };
  const auto integer = [](std::int64_t n) {
    return Shape{[n](Writer& w) { w.zigzag(n); }, [n](Reader& r) { return r.zigzag() == n; }};
  };
  const auto text = [](std::string_view t) {
    return Shape{[t](Writer& w) { w.text(t); }, [t](Reader& r) { return r.text() == t; }};
  };
  static const std::map<std::string, Shape, std::less<>> out = {
      {"0", number(0)},
      {"127", number(127)},
      {"128", number(128)},
      {"300", number(300)},
      {"18446744073709551615", number(std::numeric_limits<std::uint64_t>::max())},
      {"-1", integer(-1)},
      {"-9223372036854775808", integer(std::numeric_limits<std::int64_t>::min())},
      {"9223372036854775807", integer(std::numeric_limits<std::int64_t>::max())},
      {"true", {[](Writer& w) { w.boolean(true); }, [](Reader& r) { return r.boolean(); }}},
      {"\"\"", text("")},
      {"\"mosaik\"", text("mosaik")},
      {"Some(5)",
       {[](Writer& w) { w.boolean(true).varint(5); }, [](Reader& r) { return r.boolean() && r.varint() == 5; }}},
      {"None", {[](Writer& w) { w.boolean(false); }, [](Reader& r) { return !r.boolean(); }}},
      {"[1, 200, 70000]",
       {[](Writer& w) { w.varint(3).varint(1).varint(200).varint(70000); },
        [](Reader& r) { return r.count(1) == 3 && r.varint() == 1 && r.varint() == 200 && r.varint(32) == 70000; }}},
      {"[1, 2, 3]", {[](Writer& w) { w.raw(Bytes{1, 2, 3}); }, [](Reader& r) { return to_hex(r.raw(3)) == "010203"; }}},
      {"(1, -2, 3)",
       {[](Writer& w) { w.u8(1).zigzag(-2).varint(3); },
        [](Reader& r) { return r.u8() == 1 && r.zigzag() == -2 && r.varint() == 3; }}},
      {"Unit", number(0)},
      {"New(300)",
       {[](Writer& w) { w.varint(1).varint(300); },
        [](Reader& r) { return r.varint(32) == 1 && r.varint(32) == 300; }}},
      {"Pair(7, \"x\")",
       {[](Writer& w) { w.varint(2).u8(7).text("x"); },
        [](Reader& r) { return r.varint(32) == 2 && r.u8() == 7 && r.text() == "x"; }}},
      {"Named { flag: true, maybe: Some(-3) }",
       {[](Writer& w) { w.varint(3).boolean(true).boolean(true).zigzag(-3); },
        [](Reader& r) { return r.varint(32) == 3 && r.boolean() && r.boolean() && r.zigzag() == -3; }}},
  };
  return out;
}

TEST(Postcard, reads_and_writes_what_the_crate_wrote) {
  const boost::json::value vectors = test::load_vectors("mosaik.json");
  std::size_t checked = 0;
  for (const char* list : {"postcard", "postcard_enum"}) {
    for (const boost::json::value& vector : vectors.at(list).as_array()) {
      const std::string_view name = test::text_at(vector, "value");
      if (name == "1.5") continue;  // floats are not part of any message
      const auto shape = shapes().find(name);
      ASSERT_NE(shape, shapes().end()) << name;
      Bytes written;
      Writer writer(written);
      shape->second.write(writer);
      EXPECT_EQ(to_hex(written), test::text_at(vector, "hex")) << name;
      const Bytes given = test::bytes_at(vector, "hex");
      Reader reader(given);
      EXPECT_TRUE(shape->second.read(reader)) << name;
      EXPECT_TRUE(reader.finished()) << name;
      ++checked;
    }
  }
  EXPECT_EQ(checked, 21U);
}

bool reads_varint(std::string_view hex, unsigned bits, std::uint64_t expected) {
  const Bytes bytes = test::unhex(hex);
  Reader reader(bytes);
  return reader.varint(bits) == expected && reader.finished();
}

TEST(Postcard, accepts_zero_padded_varints_within_the_byte_limit) {
  EXPECT_TRUE(reads_varint("8000", 16, 0));
  EXPECT_TRUE(reads_varint("ff8000", 16, 127));
  EXPECT_TRUE(reads_varint("8180808000", 32, 1));
  EXPECT_TRUE(reads_varint("81808080808080808000", 64, 1));
}

TEST(Postcard, refuses_varints_beyond_the_byte_limit_or_the_range) {
  EXPECT_FALSE(reads_varint("80808000", 16, 0));
  EXPECT_FALSE(reads_varint("ffff04", 16, 0));
  EXPECT_TRUE(reads_varint("ffff03", 16, 0xffff));
  EXPECT_FALSE(reads_varint("ffffffff10", 32, 0));
  EXPECT_TRUE(reads_varint("ffffffff0f", 32, 0xffffffff));
  EXPECT_FALSE(reads_varint("ffffffffffffffffff02", 64, 0));
  EXPECT_FALSE(reads_varint("8180808080808080808000", 64, 1));
  EXPECT_FALSE(reads_varint("80", 64, 0));
}

TEST(Postcard, refuses_a_boolean_that_is_neither) {
  const Bytes bytes = {2};
  Reader reader(bytes);
  EXPECT_FALSE(reader.boolean());
  EXPECT_FALSE(reader.ok());
}

bool reads_text(std::string_view content) {
  Bytes bytes;
  Writer(bytes).text(content);
  Reader reader(bytes);
  return reader.text() == content && reader.finished();
}

TEST(Postcard, accepts_every_form_of_utf8) {
  EXPECT_TRUE(reads_text("plain"));
  EXPECT_TRUE(reads_text(
      "\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"));
}

TEST(Postcard, refuses_text_that_is_not_utf8) {
  for (const std::string_view text : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf",
                                      "\xe0\xa0", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80",
                                      "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xe2\x28\xa1"}) {
    EXPECT_FALSE(reads_text(text)) << to_hex(bytes_of(text));
  }
}

TEST(Postcard, never_trusts_a_length) {
  const Bytes huge = test::unhex("ffffffffffffffffff01aabb");
  for (const auto& read : {+[](Reader& r) { (void)r.bytes(); }, +[](Reader& r) { (void)r.text(); },
                           +[](Reader& r) { (void)r.count(1); }, +[](Reader& r) { (void)r.count(0); }}) {
    Reader reader(huge);
    read(reader);
    EXPECT_FALSE(reader.ok());
    EXPECT_TRUE(reader.rest().empty());
  }
}

TEST(Postcard, counts_no_more_items_than_the_rest_could_hold) {
  const Bytes bytes = {2, 0, 0, 0, 0};
  Reader enough(bytes);
  EXPECT_EQ(enough.count(2), 2U);
  EXPECT_TRUE(enough.ok());
  Reader less(bytes);
  EXPECT_EQ(less.count(3), 0U);
  EXPECT_FALSE(less.ok());
}

TEST(Postcard, stays_failed_after_the_first_error) {
  const Bytes bytes = {2, 1};
  Reader reader(bytes);
  EXPECT_FALSE(reader.boolean());
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_TRUE(reader.raw(1).empty());
  EXPECT_FALSE(reader.finished());
}

}  // namespace
}  // namespace mosaik::postcard
