#include "runtime/state_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <mutex>
#include <vector>

#include "base/folder.hpp"
#include "runtime/state_file.hpp"

namespace mosaik::runtime {
namespace {

constexpr Wall now{1'795'354'300'000};

node::Memory memory_of(std::int64_t started) {
  return {.started = started};
}

TEST(StateWriterTest, of_many_memories_the_last_stands) {
  const test::Folder folder;
  std::function<void()> wait;
  {
    StateWriter writer(folder / "state", [](const std::string& text) { ADD_FAILURE() << text; });
    for (std::int64_t started = 1; started <= 200; ++started) writer.put(memory_of(started));
    wait = writer.wait();
  }
  wait();
  EXPECT_EQ(load_state(folder / "state", now)->memory, memory_of(200));
  EXPECT_EQ(folder.count(), 1U);
}

TEST(StateWriterTest, writes_again_after_it_had_nothing_to_do) {
  const test::Folder folder;
  StateWriter writer(folder / "state", [](const std::string& text) { ADD_FAILURE() << text; });
  for (std::int64_t started = 1; started <= 3; ++started) {
    writer.put(memory_of(started));
    writer.wait()();
    EXPECT_EQ(load_state(folder / "state", now)->memory, memory_of(started));
  }
}

TEST(StateWriterTest, tells_of_failures) {
  const test::Folder folder;
  std::mutex mutex;
  std::vector<std::string> told;
  StateWriter writer(folder / "nowhere/state", [&](const std::string& text) {
    const std::scoped_lock lock(mutex);
    told.push_back(text);
  });
  writer.put(memory_of(1));
  writer.wait()();
  EXPECT_TRUE(writer.failing());
  writer.put(memory_of(2));
  writer.wait()();
  {
    const std::scoped_lock lock(mutex);
    ASSERT_EQ(told.size(), 1U) << "once for all in a row";
    EXPECT_THAT(told[0], testing::HasSubstr("nowhere/state"));
  }
  std::filesystem::create_directory(folder / "nowhere");
  writer.put(memory_of(3));
  writer.wait()();
  EXPECT_FALSE(writer.failing());
}

}  // namespace
}  // namespace mosaik::runtime
