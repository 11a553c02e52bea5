#include "crypto/hash.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "base/vectors.hpp"
#include "crypto/blake3.hpp"

namespace mosaik::crypto {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// The input of the official vectors: 0, 1, ... 250, 0, 1, ...
Bytes input_of(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i % 251);
  return out;
}

struct Mode {
  const char* name;
  Hasher start;
};

/// The official vectors with a hasher for each of the three modes.
class OfficialVectors : public testing::Test {
 protected:
  OfficialVectors() : vectors(test::load_vectors("blake3.json")) {
    Bytes32 key{};
    std::ranges::copy(bytes_of(test::text_at(vectors, "key")), key.begin());
    modes = {{"hash", Hasher()},
             {"keyed_hash", Hasher::keyed(key)},
             {"derive_key", Hasher::derive_key(test::text_at(vectors, "context_string"))}};
  }
  template <class Check>
  void for_each(Check check) {
    for (const boost::json::value& one : vectors.at("cases").as_array()) {
      const Bytes input = input_of(one.at("input_len").to_number<std::size_t>());
      for (const Mode& mode : modes) check(mode.start, input, test::text_at(one, mode.name));
    }
  }
  boost::json::value vectors;
  std::vector<Mode> modes;
};

TEST_F(OfficialVectors, hold_in_all_three_modes_with_extended_output) {
  std::size_t checked = 0;
  for_each([&](Hasher hasher, const Bytes& input, std::string_view expected) {
    Bytes out(expected.size() / 2);
    hasher.update(input).finish(out);
    EXPECT_EQ(to_hex(out), expected) << input.size();
    EXPECT_EQ(to_hex(hasher.finish()), expected.substr(0, 64)) << input.size();
    ++checked;
  });
  EXPECT_EQ(checked, 35U * 3);
}

TEST_F(OfficialVectors, hold_however_the_input_is_cut) {
  for (const std::size_t step : {1U, 63U, 64U, 65U, 1023U, 1024U, 1025U, 5000U}) {
    for_each([&](Hasher hasher, const Bytes& input, std::string_view expected) {
      BytesView rest(input);
      while (!rest.empty()) {
        const std::size_t taken = std::min(step, rest.size());
        hasher.update(rest.first(taken));
        rest = rest.subspan(taken);
      }
      EXPECT_EQ(to_hex(hasher.finish()), expected.substr(0, 64)) << input.size() << " by " << step;
    });
  }
}

TEST_F(OfficialVectors, hold_for_random_cuts) {
  Rng rng(1);
  for_each([&](Hasher hasher, const Bytes& input, std::string_view expected) {
    BytesView rest(input);
    while (!rest.empty()) {
      const std::size_t taken = std::min<std::size_t>(rng.below(3000), rest.size());
      hasher.update(rest.first(taken));
      rest = rest.subspan(taken);
    }
    EXPECT_EQ(to_hex(hasher.finish()), expected.substr(0, 64)) << input.size();
  });
}

TEST_F(OfficialVectors, hold_for_the_portable_engine_whichever_is_in_use) {
  for_each([&](const Hasher&, const Bytes& input, std::string_view) {
    blake3::State state;
    blake3::start_plain(state);
    blake3::update(state, input);
    Bytes32 out{};
    blake3::finish(state, out);
    EXPECT_EQ(out, hash({input})) << input.size();
  });
}

TEST(Hasher, extends_its_output_without_changing_its_front) {
  Hasher hasher;
  hasher.update(bytes_of("mosaik"));
  Bytes longest(300);
  hasher.finish(longest);
  for (std::size_t size = 0; size < longest.size(); ++size) {
    Bytes out(size);
    hasher.finish(out);
    EXPECT_TRUE(std::ranges::equal(out, BytesView(longest).first(size))) << size;
  }
}

TEST(Hasher, goes_on_after_finish_and_forks_by_copy) {
  Hasher hasher;
  hasher.update(bytes_of("one"));
  EXPECT_EQ(hasher.finish(), hash({bytes_of("one")}));
  Hasher other = hasher;
  other.update(bytes_of("other"));
  hasher.update(bytes_of("two"));
  EXPECT_EQ(hasher.finish(), hash({bytes_of("one"), bytes_of("two")}));
  EXPECT_EQ(other.finish(), hash({bytes_of("oneother")}));
}

TEST(Hash, of_parts_is_the_hash_of_their_concatenation) {
  EXPECT_EQ(hash({bytes_of("ab"), {}, bytes_of("c")}), hash({bytes_of("abc")}));
  EXPECT_EQ(hash({}), hash({bytes_of("")}));
}

TEST(EqualConstantTime, tells_equal_from_unequal) {
  const Bytes a = {1, 2, 3};
  EXPECT_TRUE(equal_constant_time(a, Bytes{1, 2, 3}));
  EXPECT_FALSE(equal_constant_time(a, Bytes{1, 2, 4}));
  EXPECT_FALSE(equal_constant_time(Bytes{1, 2}, a)) << "a prefix";
  EXPECT_FALSE(equal_constant_time(a, Bytes{1, 2}));
  EXPECT_TRUE(equal_constant_time({}, {}));
}

TEST(Wipe, leaves_zeros) {
  Bytes secret = {1, 2, 3};
  wipe(secret);
  EXPECT_EQ(secret, Bytes(3));
}

}  // namespace
}  // namespace mosaik::crypto
