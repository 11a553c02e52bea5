// Readers of decisions: what they want, and what they miss.

#include "runtime/tracing.hpp"

#include <gtest/gtest.h>

namespace mosaik::runtime {
namespace {

Decision vote() {
  return {.component = "consensus", .what = "vote_denied", .reason = "log_is_behind", .peer = PeerId(Bytes32{1})};
}

TEST(TraceReader, wants_its_component_and_its_peer_alone) {
  const auto wants = [](TraceFilter filter) {
    return TraceReader(std::move(filter), [](const TraceRecord&) {}).wants(vote());
  };
  EXPECT_TRUE(wants({}));
  EXPECT_TRUE(wants({.component = "consensus", .peer = PeerId(Bytes32{1})}));
  EXPECT_FALSE(wants({.component = "dial"}));
  EXPECT_FALSE(wants({.peer = PeerId(Bytes32{2})}));
}

TEST(TraceReader, counts_what_has_no_room) {
  TraceReader reader({}, [](const TraceRecord&) {});
  for (std::size_t i = 0; i < trace_backlog; ++i) EXPECT_EQ(reader.reserve(), 0U);
  EXPECT_FALSE(reader.reserve());
  EXPECT_FALSE(reader.reserve());
  reader.deliver({});
  EXPECT_EQ(reader.reserve(), 2U);
}

TEST(TraceReader, hears_nothing_after_its_end__which_it_may_call_for_itself) {
  int heard = 0;
  TraceReader* self = nullptr;
  TraceReader reader({}, [&](const TraceRecord&) {
    ++heard;
    self->end();
  });
  self = &reader;
  reader.deliver({});
  reader.deliver({});
  EXPECT_EQ(heard, 1);
  EXPECT_FALSE(reader.wants(vote()));
}

}  // namespace
}  // namespace mosaik::runtime
