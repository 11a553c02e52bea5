#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "../../fuzz/targets.hpp"

namespace mosaik::fuzz {
namespace {

/// Runs the fuzz target on every file of its corpus; the number of files.
std::size_t replay(const char* name, void (*target)(BytesView)) {
  const std::filesystem::path corpus = std::filesystem::path(MOSAIK_TEST_VECTORS) / "../../fuzz/corpus" / name;
  std::size_t files = 0;
  for (const auto& file : std::filesystem::directory_iterator(corpus)) {
    std::ifstream stream(file.path(), std::ios::binary);
    const Bytes bytes{std::istreambuf_iterator<char>(stream), {}};
    target(bytes);
    ++files;
  }
  return files;
}

TEST(FuzzCorpus, of_postcard_holds) {
  EXPECT_GT(replay("postcard", postcard), 20U);
}
TEST(FuzzCorpus, of_entry_holds) {
  EXPECT_GT(replay("entry", entry), 5U);
}
TEST(FuzzCorpus, of_frame_holds) {
  EXPECT_GT(replay("frame", frame), 4U);
}
TEST(FuzzCorpus, of_messages_holds) {
  EXPECT_GT(replay("messages", messages), 25U);
}

}  // namespace
}  // namespace mosaik::fuzz
