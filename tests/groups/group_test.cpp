// A member without a consensus engine, among members that have one (spec: groups 6.4, 6.5, 11.4).

#include <gtest/gtest.h>

#include <mosaik/serialization/postcard.hpp>

#include "bonds/cpp_host.hpp"
#include "bonds/rust_like.hpp"
#include "groups/group.hpp"

namespace mosaik::test {
namespace {

using GroupHost = BasicCppHost<groups::Group>;
using Bytes = std::vector<std::uint8_t>;

/// RequestVote of spec groups 5.4, behind the variant index of a bond message.
Bytes request_vote(std::uint64_t term, const PeerId& candidate) {
  Bytes out{2};
  postcard::Writer(out).varint(term).id(candidate).varint(1).varint(4);
  return out;
}

class MemberWithoutEngine : public testing::Test {
 protected:
  MemberWithoutEngine() {
    introduce(ours_, theirs_);
    EXPECT_TRUE(world_.run_until([&] { return ours_.mesh().bond_count() == 1 && theirs_.bonds.size() == 1; }, 2s));
  }
  void hear(const Bytes& message) {
    theirs_.send_raft(ours_.id(), message);
    world_.run_for(50ms);
  }
  World world_{1};
  GroupHost& ours_ = world_.add<GroupHost>();
  RustLike& theirs_ = world_.add<RustLike>();
};

TEST_F(MemberWithoutEngine, abstains_from_every_vote) {
  hear(request_vote(1, theirs_.id()));
  hear(request_vote(128, theirs_.id()));
  ASSERT_EQ(theirs_.heard_raft.size(), 2U);
  EXPECT_EQ(theirs_.heard_raft[0], (Bytes{3, 1, 2}));
  EXPECT_EQ(theirs_.heard_raft[1], (Bytes{3, 0x80, 1, 2}))
      << "RequestVoteResponse{t=128, Abstained} of spec groups 5.9";
}

TEST_F(MemberWithoutEngine, ignores_a_candidate_that_is_not_the_sender) {
  hear(request_vote(1, ours_.id()));
  EXPECT_TRUE(theirs_.heard_raft.empty());
  EXPECT_EQ(ours_.mesh().bond_count(), 1U);
}

TEST_F(MemberWithoutEngine, takes_all_other_raft_messages_for_signs_of_life_and_nothing_else) {
  Bytes heartbeat{0};  // AppendEntries t=1 prev=(1,300) commit=299
  postcard::Writer(heartbeat).varint(1).id(theirs_.id()).varint(1).varint(300).varint(0).varint(299);
  for (const Bytes& message : {heartbeat, Bytes{1, 2, 5, 0}, Bytes{3, 1, 0}, Bytes{4, 2, 0, 7}, Bytes{5, 0}})
    hear(message);
  EXPECT_TRUE(theirs_.heard_raft.empty());
  EXPECT_EQ(ours_.mesh().bond_count(), 1U);
}

TEST_F(MemberWithoutEngine, survives_raft_messages_that_do_not_decode) {
  hear({});
  hear({9});
  const Bytes whole = request_vote(300, theirs_.id());
  for (std::size_t size = 0; size < whole.size(); ++size)
    hear({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
  EXPECT_TRUE(theirs_.heard_raft.empty());
  EXPECT_EQ(ours_.mesh().bond_count(), 1U);
}

}  // namespace
}  // namespace mosaik::test
