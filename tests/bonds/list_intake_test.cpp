// Lists of bonds in handshakes: what they cost, and when they are learned.

#include <gtest/gtest.h>

#include "bonds/cpp_host.hpp"
#include "bonds/raw_host.hpp"

namespace mosaik::test {
namespace {

class Lists : public testing::Test {
 protected:
  std::vector<identity::EntryRef> strangers(std::size_t count) {
    std::vector<identity::EntryRef> out;
    for (std::size_t i = 0; i < count; ++i) {
      crypto::SecretKey key =
          crypto::SecretKey::from_seed(crypto::hash({bytes_of("stranger " + std::to_string(++made_))}));
      identity::Self self(std::move(key), id_of<NetworkId>("test network"), world_.now().wall);
      self.set_addresses({SocketAddress::v4({10, 9, 9, 9}, 1)}, world_.now().wall);
      out.push_back(self.entry());
    }
    std::ranges::sort(out, {}, [](const identity::EntryRef& entry) { return entry->id(); });
    return out;
  }
  /// The peer opens a bond, with this list.
  LinkId bond(RawHost& peer, const std::vector<identity::EntryRef>& list, bool last_is_bad = false) {
    host_.catalog().take(peer.own_entry());
    const LinkId link = peer.open(host_);
    Start start;
    start.bonds = list;
    std::vector<std::uint8_t> frame = start.encode(peer, link);
    if (last_is_bad) frame.back() ^= 1U;
    before_ = host_.verifier().verifications();
    peer.send(link, frame);
    EXPECT_TRUE(world_.run_until([&] { return host_.mesh().has_bond(peer.id()); }, 1s));
    return link;
  }
  [[nodiscard]] std::uint64_t verified() const { return host_.verifier().verifications() - before_; }
  [[nodiscard]] std::size_t known() { return host_.view().members.size(); }

  World world_{1};
  CppHost& host_ = world_.add<CppHost>();
  RawHost& peer_ = world_.add<RawHost>();
  std::uint64_t before_ = 0;
  std::size_t made_ = 0;
};

TEST_F(Lists, of_a_thousand_peers_do_not_hold_up_the_bond_and_are_learned_in_steps) {
  const std::size_t count = 900;
  bond(peer_, strangers(count));
  EXPECT_LE(verified(), limits::list_verify_step + 1) << "all at once would stop the loop for 80 ms";
  std::uint64_t last = verified();
  std::uint64_t most = 0;
  for (int i = 0; i < 400 && known() < count + 2; ++i) {
    world_.run_for(1ms);
    most = std::max(most, verified() - last);
    last = verified();
  }
  EXPECT_EQ(known(), count + 2);
  EXPECT_LE(most, 2 * limits::list_verify_step);
}

TEST_F(Lists, known_already_cost_nothing) {
  const auto list = strangers(900);
  bond(peer_, list);
  world_.run_for(500ms);
  RawHost& other = world_.add<RawHost>();
  bond(other, list);
  EXPECT_EQ(verified(), 0U);
}

TEST_F(Lists, with_a_bad_entry_far_behind_end_the_bond_with_400) {
  const LinkId link = bond(peer_, strangers(100), true);
  EXPECT_EQ(peer_.close_code(link, 2s), static_cast<std::uint64_t>(CloseCode::protocol_violation));
  EXPECT_FALSE(host_.mesh().has_bond(peer_.id()));
}

TEST_F(Lists, of_many_peers_are_verified_at_a_bounded_rate_and_kept_within_bounds) {
  identity::Verifier verifier(limits::verified_cache);
  bonds::ListIntake intake;
  const Mono begin = world_.now().mono;
  Now now = world_.now();
  for (std::uint8_t n = 0; n < 10; ++n) {
    const auto list = strangers(300);
    const std::vector<BytesView> views = [&] {
      std::vector<BytesView> out;
      for (const identity::EntryRef& entry : list) out.emplace_back(entry->bytes);
      return out;
    }();
    auto read = intake.read(now, views, verifier);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->entries.size() + read->rest.size(), 300U);
    Bytes32 id{};
    id[0] = n;
    intake.keep(PeerId(id), std::move(read->rest));
  }
  std::size_t heard = 0;
  while (now.mono < begin + 1s) {
    ASSERT_NE(intake.next_deadline(), never);
    now.mono = std::max(now.mono, intake.next_deadline());
    const auto some = intake.take(now, verifier);
    EXPECT_LE(some.size(), limits::list_verify_step);
    heard += some.size();
  }
  EXPECT_LE(verifier.verifications(), limits::list_verify_burst + limits::list_verify_rate + limits::list_verify_step);
  EXPECT_GT(heard, limits::list_verify_burst);

  for (std::uint16_t n = 0; n < 40; ++n) {
    Bytes32 id{};
    id[1] = static_cast<std::uint8_t>(n);
    intake.keep(PeerId(id), std::vector(100, std::vector<std::uint8_t>(limits::entry_bytes)));
    EXPECT_LE(intake.bytes(), limits::list_bytes);
  }
}

}  // namespace
}  // namespace mosaik::test
