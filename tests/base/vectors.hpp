#pragma once
/// The vectors in tests/vectors, as JSON.

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <mosaik/types/bytes.hpp>

namespace mosaik::test {

inline boost::json::value load_vectors(std::string_view name) {
  std::ifstream file(std::string(MOSAIK_TEST_VECTORS) + "/" + std::string(name), std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_FALSE(text.empty()) << name;
  return boost::json::parse(text);
}

inline std::string_view text_at(const boost::json::value& value, std::string_view key) {
  const boost::json::string& text = value.at(key).as_string();
  return {text.data(), text.size()};
}

inline std::vector<std::uint8_t> unhex(std::string_view text) {
  std::vector<std::uint8_t> out(text.size() / 2);
  EXPECT_TRUE(from_hex(text, out)) << text;
  return out;
}

inline std::vector<std::uint8_t> bytes_at(const boost::json::value& value, std::string_view key) {
  return unhex(text_at(value, key));
}

}  // namespace mosaik::test
