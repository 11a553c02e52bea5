// Who asks whom about a third member, and who is answered.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mosaik/serialization/postcard.hpp>

#include "detector/indirect_probes.hpp"

namespace mosaik::test {
namespace {

using detector::TellIndirectProbe;
using testing::SizeIs;

class ProbesOfThree : public testing::Test {
 protected:
  static std::vector<std::uint8_t> doubt(const PeerId& about) {
    std::vector<std::uint8_t> out;
    out.reserve(1 + PeerId::size);
    postcard::Writer(out).varint(0).id(about);
    return out;
  }
  void hear_doubt(Nanoseconds silent_for) {
    probes_.on_word(now_, asker_, doubt(subject_), [&](const PeerId&) { return std::optional(silent_for); }, actions_);
    probes_.check_invariants();
  }
  [[nodiscard]] std::vector<TellIndirectProbe> told() {
    std::vector<TellIndirectProbe> out;
    for (const auto& action : std::exchange(actions_, {}))
      if (const auto* one = std::get_if<TellIndirectProbe>(&action)) out.push_back(*one);
    return out;
  }

  const PeerId self_{Bytes32{1}};
  const PeerId asker_{Bytes32{2}};
  const PeerId subject_{Bytes32{3}};
  const Now now_{.mono = Mono(1s), .boot = Boot(1s), .wall = Wall{1}};
  detector::IndirectProbes probes_{self_};
  std::vector<detector::IndirectProbeAction> actions_;
};

TEST_F(ProbesOfThree, a_doubt_about_a_peer_just_heard__is_answered_at_once) {
  hear_doubt(1ms);
  EXPECT_THAT(told(), SizeIs(1));
}

TEST_F(ProbesOfThree, a_doubt_about_a_silent_peer__is_answered_by_its_next_life) {
  hear_doubt(200ms);
  EXPECT_THAT(told(), SizeIs(0));
  probes_.on_life(subject_, actions_);
  const auto answers = told();
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].to, asker_);
  probes_.on_life(subject_, actions_);
  EXPECT_THAT(told(), SizeIs(0)) << "once";
}

TEST_F(ProbesOfThree, the_asker_has_gone__nothing_of_it_is_kept) {
  hear_doubt(200ms);
  probes_.forget(asker_);
  probes_.check_invariants();
  probes_.on_life(subject_, actions_);
  EXPECT_THAT(told(), SizeIs(0));
}

}  // namespace
}  // namespace mosaik::test
