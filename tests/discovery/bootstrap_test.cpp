#include "discovery/bootstrap/bootstrap.hpp"

#include "support.hpp"

namespace mosaik::discovery::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Config with(std::vector<BootstrapPeer> peers) {
  Config out;
  out.bootstrap = std::move(peers);
  return out;
}

TEST(Bootstrap, dials_a_literal_address_at_once_and_asks_for_a_name_to_be_resolved) {
  Rig rig(with(
      {{id_of_peer(1), "192.0.2.7", 4433}, {id_of_peer(2), "seed.example", 5000}, {id_of_peer(3), "2001:db8::1", 1}}));
  rig.start();
  ASSERT_THAT(rig.links.dials, SizeIs(2));
  EXPECT_EQ(rig.links.dials[0].request.peer, id_of_peer(1));
  EXPECT_THAT(rig.links.dials[0].request.addresses, ElementsAre(SocketAddress::v4({192, 0, 2, 7}, 4433)));
  EXPECT_EQ(rig.links.dials[1].request.addresses.at(0).text(), "[2001:db8::1]:1");
  const auto asked = only<Resolve>(rig.events);
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].bootstrap, 1U);
  EXPECT_EQ(asked[0].host, "seed.example");
  EXPECT_EQ(asked[0].port, 5000);
  rig.core.on_resolved(rig.now(), 1, std::vector{address_of(2)}, rig.links, rig.events);
  EXPECT_EQ(rig.links.dials.back().request.peer, id_of_peer(2));
}

TEST(Bootstrap, never_dials_itself) {
  Rig rig(with({{id_of_peer(0), "192.0.2.7", 4433}}));
  rig.start();
  rig.pass(60s);
  EXPECT_THAT(rig.links.dials, IsEmpty());
}

TEST(Bootstrap, comes_back_for_ever_with_a_back_off_between_250_ms_and_10_s) {
  Rig rig(with({{id_of_peer(1), "192.0.2.7", 4433}}));
  rig.start();
  std::vector<Nanoseconds> pauses;
  for (int i = 0; i < 30; ++i) {
    ASSERT_THAT(rig.links.dials, SizeIs(i + 1));
    rig.never_opened(rig.links.dials.back().link);
    const Nanoseconds failed_at = rig.elapsed;
    while (rig.links.dials.size() == static_cast<std::size_t>(i) + 1) rig.pass(1ms);
    pauses.push_back(rig.elapsed - failed_at);
  }
  EXPECT_GE(pauses.front(), 250ms);
  EXPECT_LE(pauses.front(), 501ms);
  for (const Nanoseconds pause : pauses) EXPECT_LE(pause, 10'001ms);
  EXPECT_GE(pauses.back(), 5s);
  EXPECT_NE(pauses.back(), *(pauses.end() - 2)) << "no jitter";
}

TEST(Bootstrap, resolves_the_name_anew_for_each_try_and_gives_up_on_a_resolver_that_is_silent) {
  Rig rig(with({{id_of_peer(1), "seed.example", 5000}}));
  rig.start();
  EXPECT_THAT(only<Resolve>(rig.events), SizeIs(1));
  rig.core.on_resolved(rig.now(), 0, fail(Errc::not_found, "no such host"), rig.links, rig.events);
  EXPECT_THAT(notices(rig.events, Notice::Kind::bootstrap_silent).at(0).text, HasSubstr("no such host"));
  rig.pass(501ms);
  EXPECT_THAT(only<Resolve>(rig.events), SizeIs(2));
  rig.pass(12s);
  EXPECT_THAT(only<Resolve>(rig.events), SizeIs(3)) << "10 s without an answer, then the back-off";
  rig.core.on_resolved(rig.now(), 0, std::vector{address_of(1)}, rig.links, rig.events);
  EXPECT_THAT(rig.links.dials, SizeIs(1));
  rig.core.on_resolved(rig.now(), 0, std::vector{address_of(1)}, rig.links, rig.events);
  rig.core.on_resolved(rig.now(), 7, std::vector{address_of(1)}, rig.links, rig.events);
  EXPECT_THAT(rig.links.dials, SizeIs(1)) << "answers that nobody waits for";
}

TEST(Bootstrap, survives_a_dial_that_fails_at_once) {
  Rig rig(with({{id_of_peer(1), "192.0.2.7", 4433}}));
  rig.links.dial_error = Error{Errc::limit, "too many links"};
  rig.start();
  EXPECT_THAT(notices(rig.events, Notice::Kind::bootstrap_silent).at(0).text, HasSubstr("too many links"));
  rig.links.dial_error.reset();
  rig.pass(501ms);
  EXPECT_THAT(rig.links.dials, SizeIs(1));
}

TEST(Bootstrap, says_once_a_minute_who_is_silent_and_why_and_once_that_it_answered) {
  Rig rig(with({{id_of_peer(1), "192.0.2.7", 4433}}));
  rig.start();
  rig.on(LinkUnreachable{rig.links.dials.back().link});
  rig.never_opened(rig.links.dials.back().link);
  auto silent = notices(rig.events, Notice::Kind::bootstrap_silent);
  ASSERT_THAT(silent, SizeIs(1));
  EXPECT_EQ(silent[0].peer, id_of_peer(1));
  EXPECT_THAT(silent[0].text, testing::AllOf(HasSubstr("192.0.2.7:4433"), HasSubstr("nobody listens")));
  rig.pass(501ms);
  rig.on(LinkClosed{rig.links.dials.back().link, {ClosedBy::handshake, false, 0x12a, "bad certificate"}});
  EXPECT_THAT(notices(rig.events, Notice::Kind::bootstrap_silent), SizeIs(1));
  rig.pass(60s);
  rig.take();
  rig.on(LinkClosed{rig.links.dials.back().link, {ClosedBy::handshake, false, 0x12a, "bad certificate"}});
  const auto before = rig.links.dials.size();
  while (rig.links.dials.size() == before) rig.pass(1ms);
  EXPECT_THAT(notices(rig.events, Notice::Kind::bootstrap_answered), IsEmpty());
  rig.frame(rig.opened(), snapshot_of({entry_of(1, {.updated = rig.now().wall.milliseconds})}));
  EXPECT_THAT(notices(rig.events, Notice::Kind::bootstrap_answered), SizeIs(1));
  const auto dials = rig.links.dials.size();
  rig.pass(9s);
  EXPECT_EQ(rig.links.dials.size(), dials) << "reached: not tried again soon";
}

TEST(Bootstrap, says_again_that_a_peer_answered_which_was_silent_meanwhile) {
  Rig rig(with({{id_of_peer(1), "192.0.2.7", 4433}}));
  rig.start();
  rig.frame(rig.opened(), snapshot_of({entry_of(1)}));
  rig.on(LinkClosed{rig.links.dials.back().link, {}});
  const auto again = [&] {
    const auto before = rig.links.dials.size();
    while (rig.links.dials.size() == before) rig.pass(100ms);
    static_cast<void>(rig.take());
  };
  again();
  rig.never_opened(rig.links.dials.back().link);
  EXPECT_THAT(notices(rig.events, Notice::Kind::bootstrap_silent), SizeIs(1));
  again();
  rig.frame(rig.opened(), snapshot_of({entry_of(1, {.updated = rig.now().wall.milliseconds})}));
  EXPECT_THAT(notices(rig.events, Notice::Kind::bootstrap_answered), SizeIs(1));
}

TEST(Bootstrap, names_the_wrong_key) {
  Rig rig(with({{id_of_peer(1), "192.0.2.7", 4433}}));
  rig.start();
  rig.on(LinkClosed{rig.links.dials.back().link, {ClosedBy::handshake, false, 0x12a, ""}});
  EXPECT_THAT(notices(rig.events, Notice::Kind::bootstrap_silent).at(0).text, HasSubstr("another key"));
}

TEST(Bootstrap, tries_slowly_those_never_reached_once_somebody_else_is_known) {
  Rig rig(with({{id_of_peer(1), "192.0.2.7", 4433}}));
  rig.start();
  rig.sync_from(2, {entry_of(2, {.protocol = "0.4.2+cpp.1"})});
  rig.never_opened(rig.links.dials.back().link);
  rig.pass(9'999ms);
  EXPECT_THAT(rig.links.dials, SizeIs(1));
  rig.pass(11s);
  EXPECT_THAT(rig.links.dials, SizeIs(2));
}

TEST(Bootstrap, tries_a_reached_peer_again_when_it_leaves_the_catalog) {
  Rig rig(with({{id_of_peer(1), "192.0.2.7", 4433}}));
  rig.start();
  rig.frame(rig.opened(), snapshot_of({entry_of(1)}));
  rig.on(LinkClosed{rig.links.dials.back().link, {}});
  rig.core.on_bond(rig.now(), id_of_peer(1), BondState::up);
  const auto dials = rig.links.dials.size();
  rig.pass(300s);
  const auto refreshes = only<SelfRefreshed>(rig.events).size();  // each is a sync with the one bonded peer
  EXPECT_EQ(rig.links.dials.size(), dials + refreshes);
  rig.pass(1s);
  EXPECT_THAT(only<Departed>(rig.events), SizeIs(1));
  EXPECT_EQ(rig.links.dials.size(), dials + refreshes + 1);
}

TEST(Bootstrap, tries_a_reached_peer_again_when_its_bond_ends) {
  Rig rig(with({{id_of_peer(1), "192.0.2.7", 4433}}));
  rig.start();
  rig.frame(rig.opened(), snapshot_of({entry_of(1)}));
  rig.on(LinkClosed{rig.links.dials.back().link, {}});
  rig.core.on_bond(rig.now(), id_of_peer(1), BondState::up);
  rig.pass(100s);
  const auto dials = rig.links.dials.size();
  rig.core.on_bond(rig.now(), id_of_peer(1), BondState::down);
  rig.pass(21s);
  EXPECT_GT(rig.links.dials.size(), dials) << "its next run may know nobody else";
}

TEST(Bootstrap, asks_a_peer_without_a_bond_again_within_a_minute_and_one_with_a_bond_not) {
  Rig rig(with({{id_of_peer(1), "192.0.2.7", 4433}}));
  rig.start();
  rig.frame(rig.opened(), snapshot_of({entry_of(1)}));
  rig.on(LinkClosed{rig.links.dials.back().link, {}});
  auto dials = rig.links.dials.size();
  rig.pass(9s);
  EXPECT_EQ(rig.links.dials.size(), dials);
  rig.pass(51s);
  EXPECT_GT(rig.links.dials.size(), dials) << "it may have ended, and its next run knows nobody";
  rig.core.on_bond(rig.now(), id_of_peer(1), BondState::up);
  dials = rig.links.dials.size();
  rig.pass(200s);
  EXPECT_EQ(rig.links.dials.size(), dials + only<SelfRefreshed>(rig.events).size()) << "each is a sync with it";
}

TEST(Bootstrap, tries_everybody_soon_when_the_last_known_peer_leaves) {
  Rig rig(with({{id_of_peer(1), "192.0.2.7", 4433}, {id_of_peer(2), "192.0.2.8", 4433}}));
  rig.start();
  const auto silent = rig.links.dials[1].link;
  rig.frame(rig.opened(rig.links.dials[0]), snapshot_of({entry_of(1)}));
  rig.never_opened(silent);
  rig.links.dials.clear();
  rig.core.on_departure(rig.now(), id_of_peer(1), rig.events);
  rig.pass(501ms);
  std::vector<PeerId> dialed;
  for (const auto& dial : rig.links.dials) dialed.push_back(dial.request.peer);
  EXPECT_THAT(dialed, testing::UnorderedElementsAre(id_of_peer(1), id_of_peer(2)));
}

TEST(Bootstrap, keeps_the_first_of_too_many) {
  Config config;
  for (std::uint32_t n = 1; n <= 100; ++n) config.bootstrap.push_back({id_of_peer(n), "192.0.2.7", 4433});
  Rig rig(config);
  rig.start();
  EXPECT_THAT(rig.links.dials, SizeIs(64));
}

// ------------------------------------------------------------------------------------------------ without an id

class Contact : public testing::Test {
 protected:
  /// The last dial is answered by peer `n`, which has our network's key or another one.
  void answer(const Recorder::Dialed& dial, std::uint32_t n) {
    const auto request = dial.request;
    rig.on(LinkOpened{dial.link, id_of_peer(n), request.alpn, Side::initiator, request.addresses.front()});
    if (n != 0) rig.frame(dial.link, snapshot_of({entry_of(n, {.updated = rig.now().wall.milliseconds})}));
    rig.on(LinkClosed{dial.link, {}});
  }
  std::vector<Recorder::Dialed> take_dials() { return std::exchange(rig.links.dials, {}); }
  /// The name is asked for within so long.
  void resolve(Nanoseconds within, const std::vector<SocketAddress>& addresses) {
    rig.events.clear();
    rig.pass(within);
    ASSERT_THAT(only<Resolve>(rig.events), SizeIs(1));
    rig.core.on_resolved(rig.now(), 0, addresses, rig.links, rig.events);
  }

  Rig rig{with({{{}, "mosaik.example", 7820, true}})};
};

TEST_F(Contact, asks_each_address_of_a_name_who_is_there) {
  rig.start();
  const auto asked = only<Resolve>(rig.events);
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_TRUE(asked[0].service);
  rig.core.on_resolved(rig.now(), 0, std::vector{address_of(1), address_of(2), address_of(1)}, rig.links, rig.events);
  const auto dials = take_dials();
  ASSERT_THAT(dials, SizeIs(2));
  for (const auto& dial : dials) {
    EXPECT_EQ(dial.request.peer, PeerId{}) << "whoever answers";
    EXPECT_EQ(dial.request.source, DialSource::contact);
    EXPECT_THAT(dial.request.addresses, SizeIs(1));
  }
  answer(dials[0], 1);
  answer(dials[1], 2);
  EXPECT_TRUE(rig.knows(1));
  EXPECT_TRUE(rig.knows(2));
  const auto answered = only<ContactAnswered>(rig.events);
  ASSERT_THAT(answered, SizeIs(2));
  EXPECT_EQ(answered[1].peer, id_of_peer(2));
  EXPECT_EQ(answered[1].address, address_of(2));
  const auto status = rig.core.contacts().at(0);
  EXPECT_EQ(status.contact, "dns:mosaik.example:7820");
  EXPECT_THAT(status.addresses, ElementsAre(address_of(1), address_of(2)));
  EXPECT_THAT(status.answered, ElementsAre(id_of_peer(1), id_of_peer(2)));
  EXPECT_EQ(status.why, "");
}

TEST_F(Contact, resolves_for_ever_and_asks_only_where_nobody_is_bonded_with_us) {
  rig.start();
  rig.core.on_resolved(rig.now(), 0, std::vector{address_of(1)}, rig.links, rig.events);
  answer(take_dials().at(0), 1);
  rig.core.on_bond(rig.now(), id_of_peer(1), BondState::up);
  resolve(20s, {address_of(1), address_of(2)});
  auto dials = take_dials();
  std::erase_if(dials, [](const auto& dial) { return dial.request.peer != PeerId{}; });
  ASSERT_THAT(dials, SizeIs(1));
  EXPECT_THAT(dials[0].request.addresses, ElementsAre(address_of(2)));
  answer(dials[0], 2);
  rig.core.on_bond(rig.now(), id_of_peer(2), BondState::up);
  resolve(40s, {address_of(1), address_of(2)});
  for (const auto& dial : take_dials()) EXPECT_NE(dial.request.peer, PeerId{}) << "all of them are bonded";
}

TEST_F(Contact, one_wrong_answer_of_a_name_keeps_no_right_one_waiting) {
  rig.start();
  rig.core.on_resolved(rig.now(), 0, std::vector{address_of(9), address_of(1)}, rig.links, rig.events);
  const auto dials = take_dials();
  answer(dials.at(1), 1);
  EXPECT_TRUE(rig.knows(1));
  rig.never_opened(dials[0].link);
  const auto silent = notices(rig.events, Notice::Kind::bootstrap_silent);
  ASSERT_THAT(silent, SizeIs(1));
  EXPECT_THAT(silent[0].text,
              testing::AllOf(HasSubstr("contact dns:mosaik.example:7820"), HasSubstr(address_of(9).text())));
  EXPECT_THAT(rig.core.contacts().at(0).why, HasSubstr("nothing answers there"));
}

TEST_F(Contact, learns_of_others_only_when_it_has_shown_an_entry_of_our_network) {
  rig.sync_from(5, {entry_of(5)});
  rig.start();
  rig.core.on_resolved(rig.now(), 0, std::vector{address_of(1)}, rig.links, rig.events);
  rig.links.sent.clear();
  answer(take_dials().at(0), 1);
  ASSERT_THAT(rig.links.sent, SizeIs(1));
  EXPECT_EQ(ids_in(rig.links.sent[0].payload()), std::vector{id_of_peer(0)});
  resolve(20s, {address_of(1)});
  rig.links.sent.clear();
  answer(take_dials().back(), 1);
  ASSERT_THAT(rig.links.sent, SizeIs(1));
  EXPECT_THAT(ids_in(rig.links.sent[0].payload()), SizeIs(3));
}

TEST_F(Contact, that_is_this_node_itself_is_no_news) {
  rig.start();
  rig.core.on_resolved(rig.now(), 0, std::vector{address_of(0)}, rig.links, rig.events);
  answer(take_dials().at(0), 0);
  EXPECT_THAT(notices(rig.events, Notice::Kind::bootstrap_silent), IsEmpty());
  EXPECT_THAT(only<ContactAnswered>(rig.events), IsEmpty());
  resolve(501ms, {address_of(0), address_of(1)});  // it is no company: the name is asked for again soon
  EXPECT_THAT(take_dials(), SizeIs(1)) << "and is not asked again";
}

TEST_F(Contact, of_a_name_that_no_server_answers_is_told_with_what_to_look_at) {
  rig.start();
  rig.core.on_resolved(rig.now(), 0, fail(Errc::unreachable, "no DNS server answers"), rig.links, rig.events);
  EXPECT_THAT(notices(rig.events, Notice::Kind::bootstrap_silent).at(0).text,
              testing::AllOf(HasSubstr("no DNS server answers"), HasSubstr("check the name servers of this computer")));
}

TEST_F(Contact, comes_back_while_a_name_leads_nowhere) {
  rig.start();
  rig.core.on_resolved(rig.now(), 0, fail(Errc::not_found, "no such name"), rig.links, rig.events);
  EXPECT_THAT(rig.core.contacts().at(0).why, HasSubstr("no such name"));
  EXPECT_THAT(notices(rig.events, Notice::Kind::bootstrap_silent).at(0).text, HasSubstr("; check the name"));
  resolve(501ms, {address_of(1)});
  const auto dials = take_dials();
  rig.never_opened(dials.at(0).link);
  resolve(2s, {address_of(1)});
  EXPECT_THAT(take_dials(), SizeIs(1));
}

}  // namespace
}  // namespace mosaik::discovery::test
