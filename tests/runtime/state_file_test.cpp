#include "runtime/state_file.hpp"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/folder.hpp"
#include "base/limits.hpp"

namespace mosaik::runtime {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class StateFile : public testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return folder_ / "state"; }

  test::Folder folder_;
};

TEST_F(StateFile, gives_back_what_was_kept) {
  const node::Memory memory{
      .started = 1'795'354'209'769, .entries = {{1, 2, 0xff}, {}}, .group_sizes = {{GroupId(Bytes32{7}), 5}}};
  ASSERT_TRUE(save_state(path(), memory).has_value());
  const auto loaded = load_state(path());
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->memory, memory);
  EXPECT_THAT(loaded->warnings, IsEmpty());
  EXPECT_EQ(folder_.count(), 1U) << "nothing is left beside it";
}

TEST_F(StateFile, that_is_missing_or_empty_is_an_empty_memory) {
  for (const bool made : {false, true}) {
    if (made) std::ofstream(path()).flush();
    const auto loaded = load_state(path());
    ASSERT_TRUE(loaded.has_value());
    EXPECT_EQ(loaded->memory, node::Memory{});
    EXPECT_THAT(loaded->warnings, IsEmpty());
  }
}

TEST_F(StateFile, leaves_out_what_it_cannot_read_and_names_the_first_such_line) {
  const Recalled recalled = parse_state(
      "mosaik state 1\nstarted 12\npeer 0g\npeer 0102\nstarted -4\nflavour 7\ngroup 12 3\npeer 010", "/x/state");
  EXPECT_EQ(recalled.memory.started, 12);
  ASSERT_THAT(recalled.memory.entries, SizeIs(1));
  EXPECT_EQ(recalled.memory.entries[0], (std::vector<std::uint8_t>{1, 2}));
  ASSERT_THAT(recalled.warnings, SizeIs(1));
  EXPECT_THAT(recalled.warnings[0], HasSubstr("'/x/state': line 3"));
}

TEST_F(StateFile, of_another_kind_is_not_read) {
  const Recalled recalled = parse_state("mosaik state 2\nstarted 12\n", "/x/state");
  EXPECT_EQ(recalled.memory, node::Memory{});
  ASSERT_THAT(recalled.warnings, SizeIs(1));
  EXPECT_THAT(recalled.warnings[0], HasSubstr("/x/state"));
}

TEST_F(StateFile, holds_a_bounded_number_of_peers) {
  std::string text = "mosaik state 1\n";
  for (std::size_t i = 0; i <= limits::dial_list; ++i) text += "peer 01\n";
  const Recalled recalled = parse_state(text, "x");
  EXPECT_THAT(recalled.memory.entries, SizeIs(limits::dial_list));
  EXPECT_THAT(recalled.warnings, SizeIs(1));
}

TEST_F(StateFile, that_is_a_folder_or_too_long_is_refused_by_name) {
  std::filesystem::create_directory(path());
  const auto folder = load_state(path());
  ASSERT_FALSE(folder.has_value());
  EXPECT_THAT(folder.error().message, HasSubstr(path()));
  std::filesystem::remove(path());
  std::ofstream(path()).flush();
  std::filesystem::resize_file(path(), state_file_bytes + 1);
  const auto huge = load_state(path());
  ASSERT_FALSE(huge.has_value());
  EXPECT_EQ(huge.error().code, Errc::limit);
}

TEST_F(StateFile, that_cannot_be_written_is_an_error_with_its_name) {
  const auto saved = save_state(path() + "/in/nowhere", {});
  ASSERT_FALSE(saved.has_value());
  EXPECT_THAT(saved.error().message, HasSubstr("/in/nowhere"));
}

}  // namespace
}  // namespace mosaik::runtime
