#include <gtest/gtest.h>

#include "base/corpus.hpp"
#include "fuzz/targets.hpp"

namespace mosaik::fuzz {
namespace {

using test::replay;

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
