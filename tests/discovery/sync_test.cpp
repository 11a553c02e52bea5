#include <algorithm>

#include "base/limits.hpp"
#include "support.hpp"

namespace mosaik::discovery::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<PeerId> sorted(std::vector<PeerId> ids) {
  std::ranges::sort(ids);
  return ids;
}

TEST(SyncDialer, sends_a_snapshot_as_soon_as_the_link_is_open) {
  Rig rig;
  rig.core.sync_with(rig.now(), id_of_peer(1), {address_of(1)}, rig.links, rig.events);
  ASSERT_THAT(rig.links.dials, SizeIs(1));
  EXPECT_EQ(rig.links.dials[0].request.alpn, Alpn::sync);
  EXPECT_THAT(rig.links.dials[0].request.addresses, ElementsAre(address_of(1)));
  EXPECT_THAT(rig.links.sent, IsEmpty());
  rig.opened();
  ASSERT_THAT(rig.links.sent, SizeIs(1));
  // u32 BE length || uv(1) || entry (spec: discovery 1.12, 1.13)
  const auto& own = rig.self.entry()->bytes;
  std::vector<std::uint8_t> expected{0, 0, static_cast<std::uint8_t>((own.size() + 1) >> 8U),
                                     static_cast<std::uint8_t>(own.size() + 1), 1};
  expected.insert(expected.end(), own.begin(), own.end());
  EXPECT_EQ(rig.links.sent[0].wire, expected);
  EXPECT_EQ(rig.links.sent[0].kind, SendClass::catalog);
  EXPECT_EQ(rig.links.limits[rig.links.dials[0].link], limits::sync_frame);
}

TEST(SyncDialer, sends_all_it_knows_ascending_and_closes_with_200_when_the_reply_is_merged) {
  Rig rig;
  rig.sync_from(5, {entry_of(5), entry_of(6), entry_of(7)});
  rig.core.sync_with(rig.now(), id_of_peer(1), {address_of(1)}, rig.links, rig.events);
  const auto link = rig.opened();
  EXPECT_EQ(ids_in(rig.links.sent.back().payload()),
            sorted({id_of_peer(0), id_of_peer(5), id_of_peer(6), id_of_peer(7)}));
  rig.take();
  rig.frame(link, snapshot_of({entry_of(1), entry_of(2)}));
  EXPECT_TRUE(rig.knows(1));
  EXPECT_TRUE(rig.knows(2));
  ASSERT_THAT(rig.links.closed, SizeIs(1));
  EXPECT_EQ(rig.links.closed[0].code, CloseCode::success);
  EXPECT_EQ(rig.links.closed[0].mode, CloseMode::at_once);
  EXPECT_THAT(only<Discovered>(rig.events), SizeIs(2));
  const auto ended = only<SyncEnded>(rig.events);
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_TRUE(ended[0].result.has_value());
  EXPECT_TRUE(rig.core.owns(link));
  rig.on(LinkClosed{link, {}});
  EXPECT_FALSE(rig.core.owns(link));
  EXPECT_EQ(rig.core.counters().syncs_completed, 1U);
}

TEST(SyncDialer, shares_one_sync_among_several_calls_for_one_peer) {
  Rig rig;
  for (int i = 0; i < 3; ++i) rig.core.sync_with(rig.now(), id_of_peer(1), {address_of(1)}, rig.links, rig.events);
  EXPECT_THAT(rig.links.dials, SizeIs(1));
  rig.frame(rig.opened(), snapshot_of({entry_of(1)}));
  EXPECT_THAT(only<SyncEnded>(rig.events), SizeIs(1));
}

TEST(SyncDialer, runs_so_many_at_a_time_and_starts_the_next_when_one_ends) {
  Rig rig;
  for (std::uint32_t n = 1; n <= 12; ++n)
    rig.core.sync_with(rig.now(), id_of_peer(n), {address_of(n)}, rig.links, rig.events);
  EXPECT_THAT(rig.links.dials, SizeIs(limits::concurrent_syncs));
  rig.frame(rig.opened(rig.links.dials[0]), snapshot_of({entry_of(1)}));
  EXPECT_THAT(rig.links.dials, SizeIs(limits::concurrent_syncs + 1));
  rig.never_opened(rig.links.dials[1].link);
  EXPECT_THAT(rig.links.dials, SizeIs(limits::concurrent_syncs + 2));
}

TEST(SyncDialer, gives_up_after_the_timeout_of_the_whole_exchange) {
  Rig rig;
  rig.core.sync_with(rig.now(), id_of_peer(1), {address_of(1)}, rig.links, rig.events);
  rig.pass(4s);
  rig.opened();
  rig.pass(999ms);
  EXPECT_THAT(only<SyncEnded>(rig.events), IsEmpty());
  rig.pass(1ms);
  ASSERT_THAT(only<SyncEnded>(rig.events), SizeIs(1));
  EXPECT_EQ(only<SyncEnded>(rig.events)[0].result.error().code, Errc::timed_out);
  EXPECT_EQ(rig.links.closed.back().code, CloseCode::cancelled);
}

TEST(SyncDialer, closes_with_400_on_bytes_that_are_no_snapshot) {
  for (const std::vector<std::uint8_t>& bad :
       {std::vector<std::uint8_t>{}, {0x01}, {0xff, 0xff, 0xff, 0xff, 0x0f}, {0x01, 0x05, 'x'}}) {
    Rig rig;
    rig.core.sync_with(rig.now(), id_of_peer(1), {address_of(1)}, rig.links, rig.events);
    rig.frame(rig.opened(), bad);
    ASSERT_THAT(rig.links.closed, SizeIs(1));
    EXPECT_EQ(rig.links.closed[0].code, CloseCode::protocol_violation);
    EXPECT_FALSE(only<SyncEnded>(rig.events).at(0).result.has_value());
  }
}

TEST(SyncDialer, says_why_a_sync_failed) {
  const auto error_after = [](auto&& happen) {
    Rig rig;
    rig.core.sync_with(rig.now(), id_of_peer(1), {address_of(1)}, rig.links, rig.events);
    happen(rig, rig.links.dials[0].link);
    const auto ended = only<SyncEnded>(rig.events);
    return ended.size() == 1 && !ended[0].result ? ended[0].result.error().code : Errc::internal;
  };
  EXPECT_EQ(error_after([](Rig& rig, LinkId link) { rig.never_opened(link); }), Errc::timed_out);
  EXPECT_EQ(error_after([](Rig& rig, LinkId link) {
              rig.on(LinkUnreachable{link});
              rig.never_opened(link);
            }),
            Errc::unreachable);
  EXPECT_EQ(error_after([](Rig& rig, LinkId) { rig.closed_by_peer(rig.opened(), CloseCode::protocol_violation); }),
            Errc::refused);
  EXPECT_EQ(error_after([](Rig& rig, LinkId) { rig.on(LinkEnded{rig.opened(), true}); }), Errc::closed);
  EXPECT_EQ(error_after([](Rig& rig, LinkId) { rig.on(LinkOversized{rig.opened()}); }), Errc::limit);
  EXPECT_EQ(error_after([](Rig& rig, LinkId) { rig.frame(rig.opened(), snapshot_of({})); }), Errc::not_found);
  EXPECT_EQ(error_after([](Rig& rig, LinkId) {
              rig.frame(rig.opened(), snapshot_of({entry_of(1, {.updated = wall_start - 301'000})}));
            }),
            Errc::stale);
  EXPECT_EQ(error_after([](Rig& rig, LinkId) {
              rig.frame(rig.opened(), snapshot_of({entry_of(1, {.of = id_of<NetworkId>("other")})}));
            }),
            Errc::wrong_network);
}

TEST(SyncDialer, says_in_words_who_ended_it_and_how) {
  struct Case {
    bool opened;
    CloseInfo close;
    Errc code;
    std::string_view says;
  };
  const Case cases[] = {
      {true, {ClosedBy::peer, true, static_cast<std::uint64_t>(CloseCode::cancelled), ""}, Errc::refused, "too busy"},
      {true, {ClosedBy::peer, true, 418, "tea"}, Errc::closed, "it closed the connection with 418 (tea)"},
      {true, {ClosedBy::peer, false, 7, ""}, Errc::closed, "it closed the connection with QUIC error 7"},
      {false, {ClosedBy::peer, true, 418, ""}, Errc::refused, "it closed the connection with 418"},
      {true, {ClosedBy::stateless_reset, false, 0, ""}, Errc::closed, "it was restarted meanwhile"},
      {true, {ClosedBy::idle, false, 0, ""}, Errc::timed_out, "it fell silent"},
      {true, {ClosedBy::transport, false, 1, "flow control"}, Errc::closed, "a QUIC error: flow control"},
      {false, {ClosedBy::handshake, false, 0x178, ""}, Errc::refused, "another key than that of"},
      {false, {ClosedBy::handshake, false, 0, "no route"}, Errc::unreachable, "no connection: no route"},
      {false, {ClosedBy::handshake, false, 0, ""}, Errc::timed_out, "nothing answers there"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.says);
    Rig rig;
    rig.core.sync_with(rig.now(), id_of_peer(1), {address_of(1)}, rig.links, rig.events);
    const LinkId link = each.opened ? rig.opened() : rig.links.dials.back().link;
    rig.on(LinkClosed{link, each.close});
    const auto ended = only<SyncEnded>(rig.events);
    ASSERT_THAT(ended, SizeIs(1));
    ASSERT_FALSE(ended[0].result);
    EXPECT_EQ(ended[0].result.error().code, each.code);
    EXPECT_THAT(ended[0].result.error().message, testing::HasSubstr(each.says));
  }
}

TEST(SyncDialer, ends_at_once_when_its_snapshot_cannot_be_queued) {
  Rig rig;
  rig.core.sync_with(rig.now(), id_of_peer(1), {address_of(1)}, rig.links, rig.events);
  rig.links.send_result = SendResult::full;
  const LinkId link = rig.opened();
  const auto ended = only<SyncEnded>(rig.events);
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_EQ(ended[0].result.error().code, Errc::limit);
  ASSERT_THAT(rig.links.closed, SizeIs(1));
  EXPECT_EQ(rig.links.closed[0].link, link);
  EXPECT_EQ(rig.links.closed[0].code, CloseCode::cancelled);
}

TEST(SyncDialer, dials_all_that_is_known_and_skips_unusable_addresses) {
  Rig rig;
  rig.sync_from(1, {entry_of(1)});
  const auto unspecified = SocketAddress::v4({}, 4433);
  const auto no_port = address_of(9).with_port(0);
  rig.core.sync_with(rig.now(), id_of_peer(1),
                     {unspecified, no_port, address_of(2), address_of(3), address_of(4), address_of(5)}, rig.links,
                     rig.events);
  ASSERT_THAT(rig.links.dials, SizeIs(1));
  EXPECT_THAT(rig.links.dials[0].request.addresses,
              testing::UnorderedElementsAre(address_of(1), address_of(2), address_of(3), address_of(4), address_of(5)));
}

TEST(SyncDialer, answers_at_once_when_it_cannot_dial) {
  Rig rig;
  rig.core.sync_with(rig.now(), id_of_peer(1), {}, rig.links, rig.events);
  EXPECT_EQ(only<SyncEnded>(rig.events).at(0).result.error().code, Errc::unreachable);
  rig.links.dial_error = Error{Errc::limit, "too many links"};
  rig.core.sync_with(rig.now(), id_of_peer(1), {address_of(1)}, rig.links, rig.events);
  EXPECT_EQ(only<SyncEnded>(rig.events).at(1).result.error().code, Errc::limit);
  rig.core.sync_with(rig.now(), id_of_peer(0), {address_of(1)}, rig.links, rig.events);
  EXPECT_EQ(only<SyncEnded>(rig.events).at(2).result.error().code, Errc::invalid_argument);
}

TEST(SyncAcceptor, replies_with_what_it_knew_before_it_merges) {
  Rig rig;
  rig.sync_from(5, {entry_of(5)});
  rig.links.sent.clear();
  const auto link = rig.incoming(1, Alpn::sync);
  EXPECT_EQ(rig.links.limits[link], limits::sync_frame);
  rig.frame(link, snapshot_of({entry_of(1), entry_of(2)}));
  ASSERT_THAT(rig.links.sent, SizeIs(1));
  EXPECT_EQ(ids_in(rig.links.sent[0].payload()), sorted({id_of_peer(0), id_of_peer(5)}));
  EXPECT_TRUE(rig.knows(1));
  EXPECT_TRUE(rig.knows(2));
  EXPECT_THAT(rig.links.closed, IsEmpty()) << "the dialer closes";
  EXPECT_EQ(rig.core.counters().syncs_served, 1U);
  rig.closed_by_peer(link, CloseCode::success);
  EXPECT_EQ(rig.core.counters().syncs_served, 2U);
  EXPECT_FALSE(rig.core.owns(link));
}

TEST(SyncAcceptor, tells_a_stranger_only_its_own_entry) {
  const auto reply_to = [](std::uint32_t n, const std::vector<identity::EntryRef>& entries) {
    Rig rig;
    rig.sync_from(5, {entry_of(5)});
    rig.frame(rig.incoming(n, Alpn::sync), snapshot_of(entries));
    return ids_in(rig.links.sent.back().payload()).size();
  };
  EXPECT_EQ(reply_to(1, {entry_of(1)}), 2U);
  EXPECT_EQ(reply_to(1, {}), 1U);
  EXPECT_EQ(reply_to(1, {entry_of(2)}), 1U) << "somebody else's entry is no pass";
  EXPECT_EQ(reply_to(1, {entry_of(1, {.of = id_of<NetworkId>("other")})}), 1U);
}

TEST(SyncAcceptor, takes_no_entry_of_the_sender_whose_signature_fails_and_tells_it_nothing) {
  Rig rig;
  rig.sync_from(5, {entry_of(5)});
  auto bytes = snapshot_of({entry_of(1)});
  bytes.back() ^= 1U;
  rig.frame(rig.incoming(1, Alpn::sync), bytes);
  EXPECT_THAT(ids_in(rig.links.sent.back().payload()), ElementsAre(id_of_peer(0)));
  EXPECT_FALSE(rig.knows(1));
  EXPECT_EQ(rig.core.counters().entries_refused, 1U);
}

TEST(SyncAcceptor, closes_who_says_nothing_for_a_second_or_never_closes) {
  Rig rig;
  const auto silent = rig.incoming(1, Alpn::sync);
  rig.pass(limits::first_frame - 1ms);
  EXPECT_THAT(rig.links.closed, IsEmpty());
  rig.pass(1ms);
  ASSERT_THAT(rig.links.closed, SizeIs(1));
  EXPECT_EQ(rig.links.closed[0].link, silent);
  EXPECT_EQ(rig.links.closed[0].code, CloseCode::cancelled);

  const auto lingering = rig.incoming(2, Alpn::sync);
  rig.frame(lingering, snapshot_of({entry_of(2)}));
  rig.pass(limits::accept_timeout - 1ms);
  EXPECT_THAT(rig.links.closed, SizeIs(1));
  rig.pass(1ms);
  ASSERT_THAT(rig.links.closed, SizeIs(2));
  EXPECT_EQ(rig.links.closed[1].link, lingering);
  EXPECT_EQ(rig.core.counters().syncs_served, 0U);
}

TEST(SyncAcceptor, waits_for_a_first_frame_that_is_on_its_way) {
  Rig rig;
  const auto slow = rig.incoming(1, Alpn::sync);
  for (int i = 0; i < 4; ++i) {
    rig.links.received[slow] += 1000;
    rig.pass(limits::first_frame - 1ms);
    EXPECT_THAT(rig.links.closed, IsEmpty()) << i;
  }
  rig.links.received[slow] += 1000;
  rig.pass(limits::accept_timeout);
  EXPECT_THAT(rig.links.closed, SizeIs(1)) << "but no longer than an exchange may take";
}

TEST(SyncAcceptor, gives_up_the_oldest_of_three_from_one_peer_which_may_be_with_a_process_that_is_no_more) {
  Rig rig;
  const LinkId first = rig.incoming(5, Alpn::sync);
  rig.incoming(5, Alpn::sync);
  const LinkId third = rig.incoming(5, Alpn::sync);
  ASSERT_EQ(rig.links.closed.size(), 1U);
  EXPECT_EQ(rig.links.closed[0].link, first);
  EXPECT_EQ(rig.links.closed[0].code, CloseCode::cancelled);
  rig.frame(third, snapshot_of({entry_of(5)}));
  ASSERT_EQ(rig.links.sent.size(), 1U) << "the newest is served";
  EXPECT_EQ(rig.links.sent[0].link, third);
}

TEST(SyncAcceptor, idle_exchanges_give_way_to_newcomers_whatever_their_number) {
  Rig rig;
  std::vector<LinkId> idle;
  for (std::uint32_t peer = 1; peer <= 4 * limits::incoming_syncs; ++peer)
    idle.push_back(rig.incoming(peer, Alpn::sync));
  EXPECT_EQ(rig.links.closed.front().link, idle.front());
  const LinkId joiner = rig.incoming(99'999, Alpn::sync);
  for (std::uint32_t peer = 1; peer <= 50; ++peer) rig.incoming(10'000 + peer, Alpn::sync);
  const auto is_joiner = [&](const auto& closed) { return closed.link == joiner; };
  EXPECT_TRUE(std::ranges::none_of(rig.links.closed, is_joiner));
  rig.frame(joiner, snapshot_of({entry_of(99'999)}));
  for (std::uint32_t peer = 1; peer <= 2 * limits::incoming_syncs; ++peer) rig.incoming(20'000 + peer, Alpn::sync);
  EXPECT_TRUE(std::ranges::none_of(rig.links.closed, is_joiner));
}

TEST(SyncAcceptor, an_exchange_that_has_sent_its_frame_does_not_give_way_to_idle_ones) {
  Rig rig;
  const LinkId joiner = rig.incoming(1, Alpn::sync);
  rig.frame(joiner, snapshot_of({entry_of(1)}));
  for (std::uint32_t peer = 2; peer <= 3 * limits::incoming_syncs; ++peer)
    rig.incoming(peer, Alpn::sync, address_of(1));
  EXPECT_FALSE(rig.links.closed.empty());
  EXPECT_TRUE(std::ranges::none_of(rig.links.closed, [&](const auto& closed) { return closed.link == joiner; }));
}

TEST(Announce, of_a_peer_that_was_restarted_elsewhere_ends_the_sync_that_waits_for_its_predecessor) {
  for (const bool answered : {false, true}) {
    Rig rig;
    rig.start();
    rig.core.sync_with(rig.now(), id_of_peer(5), {address_of(5)}, rig.links, rig.events);
    const LinkId old = answered ? rig.opened() : rig.links.dials.back().link;
    const LinkId gossip{77};
    rig.on(LinkOpened{gossip, id_of_peer(5), Alpn::announce, Side::acceptor, address_of(55)});
    ASSERT_EQ(rig.links.closed.size(), 2U);
    EXPECT_EQ(rig.links.closed[0].link, gossip);
    EXPECT_EQ(rig.links.closed[1].link, old);
    ASSERT_EQ(rig.links.dials.size(), 2U) << "a sync with the new process starts at once";
    EXPECT_THAT(rig.links.dials[1].request.addresses, ::testing::Contains(address_of(55)));
    EXPECT_TRUE(only<SyncEnded>(rig.events).empty()) << "whoever asked for it gets the answer of the second";
  }
}

TEST(Announce, leaves_a_sync_with_the_same_process_alone) {
  Rig rig;
  rig.start();
  rig.core.sync_with(rig.now(), id_of_peer(5), {address_of(5)}, rig.links, rig.events);
  rig.opened();
  rig.on(LinkOpened{LinkId{77}, id_of_peer(5), Alpn::announce, Side::acceptor, address_of(5)});
  EXPECT_EQ(rig.links.closed.size(), 1U);
  EXPECT_EQ(rig.links.dials.size(), 1U);
}

TEST(SyncAcceptor, closes_with_400_on_a_second_frame) {
  Rig rig;
  const auto link = rig.incoming(1, Alpn::sync);
  rig.frame(link, snapshot_of({entry_of(1)}));
  rig.frame(link, snapshot_of({entry_of(1)}));
  ASSERT_THAT(rig.links.closed, SizeIs(1));
  EXPECT_EQ(rig.links.closed[0].code, CloseCode::protocol_violation);
}

TEST(SyncAcceptor, notices_the_old_entry_layout_and_closes_with_400) {
  Rig rig;
  const auto old = entry_of(1, {.protocol = "0.3.18"});
  rig.frame(rig.incoming(1, Alpn::sync), snapshot_of({old}));
  ASSERT_THAT(rig.links.closed, SizeIs(1));
  EXPECT_EQ(rig.links.closed[0].code, CloseCode::protocol_violation);
  ASSERT_THAT(notices(rig.events, Notice::Kind::old_entry_layout), SizeIs(1));
  EXPECT_EQ(notices(rig.events, Notice::Kind::old_entry_layout)[0].peer, id_of_peer(1));
}

TEST(Ping, asks_with_a_zero_length_frame_and_gives_the_entry_and_the_round_trip) {
  Rig rig;
  rig.core.ping(rig.now(), id_of_peer(1), {address_of(1)}, rig.links, rig.events);
  ASSERT_THAT(rig.links.dials, SizeIs(1));
  EXPECT_EQ(rig.links.dials[0].request.alpn, Alpn::ping);
  const auto link = rig.opened();
  EXPECT_THAT(rig.links.sent.at(0).wire, ElementsAre(0, 0, 0, 0));
  rig.frame(link, entry_of(1)->bytes);
  const auto ended = only<PingEnded>(rig.events);
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_EQ(ended[0].result.value()->id(), id_of_peer(1));
  EXPECT_EQ(ended[0].rtt, 7ms);
  EXPECT_EQ(rig.links.closed.at(0).code, CloseCode::success);
  EXPECT_TRUE(rig.knows(1));
}

TEST(Ping, refuses_a_reply_that_is_about_somebody_else) {
  Rig rig;
  rig.core.ping(rig.now(), id_of_peer(1), {address_of(1)}, rig.links, rig.events);
  rig.frame(rig.opened(), entry_of(2)->bytes);
  EXPECT_EQ(only<PingEnded>(rig.events).at(0).result.error().code, Errc::refused);
  EXPECT_EQ(rig.links.closed.at(0).code, CloseCode::protocol_violation);
  EXPECT_FALSE(rig.knows(2));
}

TEST(Ping, refuses_a_reply_that_is_no_entry) {
  Rig rig;
  rig.core.ping(rig.now(), id_of_peer(1), {address_of(1)}, rig.links, rig.events);
  rig.frame(rig.opened(), {1, 2, 3});
  EXPECT_EQ(only<PingEnded>(rig.events).at(0).result.error().code, Errc::malformed);
  EXPECT_EQ(rig.links.closed.at(0).code, CloseCode::protocol_violation);
}

TEST(Ping, ends_at_once_where_nothing_can_be_sent) {
  Rig asking;
  asking.core.ping(asking.now(), id_of_peer(1), {address_of(1)}, asking.links, asking.events);
  asking.links.send_result = SendResult::full;
  asking.opened();
  EXPECT_EQ(only<PingEnded>(asking.events).at(0).result.error().code, Errc::limit);
  EXPECT_EQ(asking.links.closed.at(0).code, CloseCode::cancelled);

  Rig asked;
  const auto link = asked.incoming(1, Alpn::ping);
  asked.links.send_result = SendResult::full;
  asked.frame(link, {});
  EXPECT_EQ(asked.links.closed.at(0).code, CloseCode::cancelled);
  EXPECT_EQ(asked.core.counters().pings_served, 0U);
}

TEST(Ping, of_oneself_and_of_too_many_at_a_time_is_refused) {
  Rig rig;
  rig.core.ping(rig.now(), id_of_peer(0), {address_of(0)}, rig.links, rig.events);
  EXPECT_EQ(only<PingEnded>(rig.events).at(0).result.error().code, Errc::invalid_argument);
  for (std::uint32_t n = 1; n <= 100; ++n)
    rig.core.ping(rig.now(), id_of_peer(n), {address_of(n)}, rig.links, rig.events);
  EXPECT_EQ(only<PingEnded>(rig.events).back().result.error().code, Errc::limit);
  EXPECT_LT(rig.links.dials.size(), 100U);
}

TEST(Ping, has_one_deadline_for_the_whole_exchange) {
  Rig rig;
  rig.core.ping(rig.now(), id_of_peer(1), {address_of(1)}, rig.links, rig.events);
  rig.opened();
  rig.pass(5s);
  EXPECT_EQ(only<PingEnded>(rig.events).at(0).result.error().code, Errc::timed_out);
}

TEST(Ping, answers_with_its_current_entry_and_waits_for_the_close) {
  Rig rig;
  const auto before = rig.self.entry()->digest;
  const auto link = rig.incoming(1, Alpn::ping);
  EXPECT_EQ(rig.links.limits[link], limits::ping_frame);
  rig.frame(link, {});
  const auto payload = rig.links.sent.at(0).payload();
  EXPECT_TRUE(std::ranges::equal(payload, rig.self.entry()->bytes));
  EXPECT_EQ(rig.self.entry()->digest, before) << "no version that nobody else ever hears of";
  EXPECT_THAT(rig.links.closed, IsEmpty());
  rig.closed_by_peer(link, CloseCode::success);
  EXPECT_EQ(rig.core.counters().pings_served, 1U);
}

}  // namespace
}  // namespace mosaik::discovery::test
