#include <gtest/gtest.h>

#include <mosaik/types/id.hpp>

#include "base/vectors.hpp"
#include "crypto/drbg.hpp"

namespace mosaik {
namespace {

TEST(Digest, of_text_is_what_the_crate_makes_of_it) {
  const boost::json::value vectors = test::load_vectors("mosaik.json");
  for (const boost::json::value& one : vectors.at("digest_from_text").as_array()) {
    EXPECT_EQ(Digest::of(test::text_at(one, "text")).hex(), test::text_at(one, "digest")) << one;
    EXPECT_EQ(id_of<Tag>(test::text_at(one, "text")).hex(), test::text_at(one, "digest"));
  }
}

TEST(Digest, derives_what_the_crate_derives) {
  const boost::json::value vectors = test::load_vectors("mosaik.json");
  for (const boost::json::value& one : vectors.at("digest_derive").as_array()) {
    const Digest derived = Digest::of(test::text_at(one, "text")).derive(bytes_of(test::text_at(one, "derive")));
    EXPECT_EQ(derived.hex(), test::text_at(one, "digest")) << one;
  }
}

TEST(Digest, hashes_raw_bytes_even_when_there_are_32_of_them) {
  Bytes32 sevens{};
  sevens.fill(7);
  // spec: groups 1.5
  EXPECT_EQ(Digest::hash(sevens).hex(), "ebaf85b465a09de21b398fb112c1500f2cbe658c42f379e0c0f18d24b819f637");
  EXPECT_EQ(Digest(sevens).hashed(), Digest::hash(sevens));
}

TEST(Drbg, repeats_itself_for_the_same_seed_only) {
  crypto::Drbg a(Bytes32{1});
  crypto::Drbg b(Bytes32{1});
  crypto::Drbg c(Bytes32{2});
  const Bytes32 first = a.bytes32();
  EXPECT_EQ(b.bytes32(), first);
  EXPECT_NE(c.bytes32(), first);
  const Bytes32 second = a.bytes32();
  EXPECT_NE(second, first);
  EXPECT_EQ(b.bytes32(), second);
}

TEST(Drbg, fills_any_length) {
  crypto::Drbg drbg(Bytes32{1});
  std::vector<std::uint8_t> out(1000);
  drbg.fill(out);
  EXPECT_NE(std::vector(out.end() - 32, out.end()), std::vector<std::uint8_t>(32));
  drbg.fill({});
  EXPECT_NE(drbg.bytes32(), Bytes32{});
}

}  // namespace
}  // namespace mosaik
