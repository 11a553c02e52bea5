// What strangers do with their links, told by a transport that is a script: it costs them the link, and the node
// nothing.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "link/transport.hpp"
#include "node/wire.hpp"

namespace mosaik::test {
namespace {

using testing::ElementsAre;
using testing::Pair;

/// Tells what the test has put down, and keeps what the node closes.
class ScriptedTransport final : public Transport {
 public:
  std::deque<LinkEvent> script;
  std::map<LinkId, CloseCode> closed;

  void on_datagram(const Now&, const DatagramPath&, BytesView) override {}
  void on_unreachable(const Now&, const SocketAddress&, BytesView, Refusal) override {}
  void on_timer(const Now&) override {}
  bool advance(const Now&) override { return false; }
  void probe(LinkId) override {}
  std::optional<LinkEvent> next_event() override {
    if (script.empty()) return std::nullopt;
    auto out = std::move(script.front());
    script.pop_front();
    return out;
  }
  bool transmit(const Now&, DatagramBatch&) override { return false; }
  [[nodiscard]] Mono next_deadline() const override { return never; }
  [[nodiscard]] const EndpointCounters& counters() const noexcept override { return counters_; }
  [[nodiscard]] std::size_t connections() const noexcept override { return 0; }

  Result<LinkId> dial(const Now&, const DialRequest&) override { return fail(Errc::limit, "no dials here"); }
  SendResult send(LinkId, SendClass, const Frame&) override { return SendResult::queued; }
  void close(const Now&, LinkId link, CloseCode code, CloseMode) override { closed[link] = code; }
  void set_frame_limit(LinkId, std::size_t) override {}
  [[nodiscard]] Result<Bytes32> exporter(LinkId, BytesView) const override { return Bytes32{}; }
  [[nodiscard]] std::optional<LinkStats> stats(LinkId) const override { return std::nullopt; }

 private:
  EndpointCounters counters_;
};

class StrangersLink : public testing::TestWithParam<Alpn> {
 protected:
  StrangersLink() {
    auto transport = std::make_unique<ScriptedTransport>();
    transport_ = transport.get();
    node_ = std::make_unique<node::Node>(node::Config{}, crypto::SecretKey::from_seed(ranked_seeds().at(0)), now_,
                                         std::move(transport));
    node_->start(now_);
    EXPECT_TRUE(node_->join(now_, GroupKey::from_secret("s3cret"), {}));
  }
  void play(std::vector<LinkEvent> events) {
    transport_->script.push_back(LinkOpened{link_, node_id(1), GetParam(), Side::acceptor, node_address(1)});
    for (LinkEvent& event : events) transport_->script.push_back(std::move(event));
    node_->settle(now_);
  }

  Now now_{.mono = Mono(1s), .boot = {}, .wall = Wall{1'795'000'000'000}};
  LinkId link_{7};
  ScriptedTransport* transport_ = nullptr;
  std::unique_ptr<node::Node> node_;
};
std::string name_of(const testing::TestParamInfo<Alpn>& tested) {
  if (tested.param == Alpn::groups) return "groups";
  return tested.param == Alpn::sync ? "sync" : "ping";
}
class StrangersFrame : public StrangersLink {};
INSTANTIATE_TEST_SUITE_P(OfEachProtocol, StrangersLink, testing::Values(Alpn::groups, Alpn::sync, Alpn::ping), name_of);
INSTANTIATE_TEST_SUITE_P(OfEachProtocol, StrangersFrame, testing::Values(Alpn::groups, Alpn::sync), name_of);

TEST_P(StrangersLink, that_announces_too_long_a_frame_is_closed) {
  play({LinkOversized{link_}});
  // Whom the catalog does not know hears that first (spec: groups 3.4).
  const CloseCode code = GetParam() == Alpn::groups ? CloseCode::unknown_peer : CloseCode::protocol_violation;
  EXPECT_THAT(transport_->closed, ElementsAre(Pair(link_, code)));
}

TEST_P(StrangersLink, that_ends_before_it_has_said_anything_is_closed) {
  play({LinkEnded{link_, true}});
  EXPECT_THAT(transport_->closed, testing::SizeIs(1));
}

TEST_P(StrangersFrame, that_is_nonsense_closes_the_link_and_what_comes_behind_it_is_nobodys) {
  const std::vector<std::uint8_t> nonsense(64, 0xee);
  play({LinkFrame{link_, nonsense}});
  ASSERT_THAT(transport_->closed, testing::SizeIs(1));
  transport_->closed.clear();
  transport_->script = {LinkClosed{link_, {ClosedBy::us, true, 400, ""}},
                        LinkOversized{link_},
                        LinkEnded{link_, true},
                        LinkFrame{link_, nonsense},
                        LinkLossy{link_},
                        LinkUnreachable{link_},
                        LinkActive{link_}};
  node_->settle(now_);
  EXPECT_TRUE(transport_->closed.empty());
  EXPECT_EQ(node_->snapshot(now_)->groups.size(), 1U);
}

using RefusedStranger = StrangersLink;
INSTANTIATE_TEST_SUITE_P(Again, RefusedStranger, testing::Values(Alpn::groups), name_of);
TEST_P(RefusedStranger, fills_no_log) {
  const auto refusals = [&] {
    std::size_t out = 0;
    for (const node::Action& output : node_->take_actions())
      if (const auto* event = std::get_if<Event>(&output)) out += event->kind == EventKind::refused ? 1U : 0U;
    return out;
  };
  const std::vector<std::uint8_t> nonsense(64, 0xee);
  for (std::uint64_t i = 0; i < 2 * limits::refusals_burst; ++i) {
    link_ = LinkId{i + 1};
    play({LinkFrame{link_, nonsense}});
  }
  EXPECT_EQ(transport_->closed.size(), 2 * limits::refusals_burst);
  EXPECT_EQ(refusals(), limits::refusals_burst);
  now_.mono += 10s;
  for (std::uint64_t i = 0; i < limits::refusals_burst; ++i) {
    ++link_.value;
    play({LinkFrame{link_, nonsense}});
  }
  EXPECT_EQ(refusals(), 10 * limits::refusals_rate);
}

}  // namespace
}  // namespace mosaik::test
