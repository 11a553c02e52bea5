#pragma once
/// Replays the seed corpora of the fuzz targets, so that every build and every sanitizer sees them.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include <mosaik/types/bytes.hpp>

namespace mosaik::test {

/// Runs a fuzz target on every file of its corpus; the number of files.
inline std::size_t replay(const char* name, void (*target)(BytesView)) {
  const std::filesystem::path corpus = std::filesystem::path(MOSAIK_TEST_VECTORS) / "../../fuzz/corpus" / name;
  std::size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(corpus)) {
    std::ifstream stream(file.path(), std::ios::binary);
    const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(stream), {}};
    target(bytes);
    ++files;
  }
  return files;
}

}  // namespace mosaik::test
