// Who offers a sentinel to whom, and what its end says.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "detector/sentinels.hpp"

namespace mosaik::test {
namespace {

using detector::CloseSentinel;
using detector::DialSentinel;
using detector::ExpectSentinel;
using detector::SentinelOffer;
using testing::SizeIs;

/// Links that all lead to one address, each with its own secret.
class PlainLinks final : public Links {
 public:
  [[nodiscard]] Result<LinkId> dial(const Now&, const DialRequest&) override { return fail(Errc::limit, "no dials"); }
  SendResult send(LinkId, SendClass, const Frame&) override { return SendResult::queued; }
  void close(const Now&, LinkId, CloseCode, CloseMode) override {}
  void set_frame_limit(LinkId, std::size_t) override {}
  [[nodiscard]] Result<Bytes32> exporter(LinkId link, BytesView) const override {
    Bytes32 out{};
    out[0] = static_cast<std::uint8_t>(link.value);
    return out;
  }
  [[nodiscard]] std::optional<LinkStats> stats(LinkId) const override {
    return LinkStats{.remote = SocketAddress::v4({10, 0, 0, 1}, 4433)};
  }
};

class SentinelsOfAPair : public testing::Test {
 protected:
  template <class T>
  [[nodiscard]] std::vector<T> take() {
    std::vector<T> out;
    for (const auto& action : actions_)
      if (const auto* one = std::get_if<T>(&action)) out.push_back(*one);
    std::erase_if(actions_, [](const auto& action) { return std::holds_alternative<T>(action); });
    lower_.check_invariants();
    higher_.check_invariants();
    return out;
  }

  const PeerId low_{Bytes32{1}};
  const PeerId high_{Bytes32{2}};
  const Now now_{.mono = Mono(1s), .boot = Boot(1s), .wall = Wall{1}};
  const Now later_{.mono = Mono(9s), .boot = Boot(9s), .wall = Wall{8001}};
  PlainLinks links_;
  detector::Sentinels lower_{low_, {.v4 = 7000, .v6 = 0}};
  detector::Sentinels higher_{high_, {.v4 = 7001, .v6 = 0}};
  std::vector<detector::SentinelAction> actions_;
};

TEST_F(SentinelsOfAPair, one_bond__the_lower_offers_and_the_higher_dials) {
  higher_.on_bond_up(now_, low_, {1}, links_, actions_);
  EXPECT_TRUE(actions_.empty());
  lower_.on_bond_up(now_, high_, {1}, links_, actions_);
  const auto expected = take<ExpectSentinel>();
  const auto offers = take<SentinelOffer>();
  ASSERT_THAT(offers, SizeIs(1));
  higher_.on_offer(low_, {1}, offers[0].value, links_, actions_);
  const auto dials = take<DialSentinel>();
  ASSERT_THAT(dials, SizeIs(1));
  EXPECT_EQ(dials[0].token, expected.at(0).token);
  EXPECT_EQ(dials[0].remote.port(), 7000);
  higher_.on_opened(now_, dials[0].id);
  EXPECT_EQ(higher_.on_ended(later_, dials[0].id), low_);
  EXPECT_FALSE(higher_.on_ended(later_, dials[0].id)) << "told once";
  EXPECT_THAT(take<CloseSentinel>(), SizeIs(0));
}

TEST_F(SentinelsOfAPair, its_bond_ends__it_is_closed_and_forgotten) {
  lower_.on_bond_up(now_, high_, {1}, links_, actions_);
  lower_.on_bond_up(now_, high_, {2}, links_, actions_);
  const auto first = take<ExpectSentinel>();
  lower_.on_opened(now_, first.at(0).id);
  lower_.on_bond_down(now_, high_, {1}, links_, actions_);
  EXPECT_EQ(take<CloseSentinel>().at(0).id, first[0].id);
  const auto second = take<ExpectSentinel>();
  ASSERT_THAT(second, SizeIs(1)) << "on the link of the other bond";
  EXPECT_NE(second[0].token, first[0].token);
  EXPECT_FALSE(lower_.on_ended(later_, first[0].id));
  lower_.on_bond_down(now_, high_, {2}, links_, actions_);
  EXPECT_EQ(take<CloseSentinel>().at(0).id, second[0].id);
}

}  // namespace
}  // namespace mosaik::test
