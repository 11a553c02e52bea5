/// A protocol that the product does not know: what it takes to add one. Its handler stands here, one line registers it.

#include "node/wire.hpp"

namespace mosaik::test {
namespace {

/// What a dialer says comes back.
class EchoProtocol final : public ProtocolHandler {
 public:
  static constexpr Alpn alpn{"/mosaik/test/echo/1", LinkUse::exchange};

  /// Asks the peer with the next timer.
  void ask(const PeerId& to, const SocketAddress& address, std::string text) {
    wanted_ = DialRequest{.peer = to, .addresses = {address}, .alpn = alpn, .source = DialSource::contact};
    text_ = std::move(text);
  }

  void on_opened(const LinkContext& context, const LinkOpened& opened, AdmissionClass) override {
    peer = opened.peer;
    if (opened.side == Side::initiator) send(context, opened.link, bytes_of(text_));
    if (opened.side == Side::initiator) asked_ = opened.link;
  }
  void on_frame(const LinkContext& context, const LinkFrame& frame) override {
    if (frame.link != asked_) return send(context, frame.link, frame.payload);
    answer.assign(frame.payload.begin(), frame.payload.end());
    context.links.close(context.now, frame.link, CloseCode::success, CloseMode::at_once);
  }
  void on_ended(const LinkContext& context, const LinkEnded& ended) override { refuse(context, ended.link); }
  void on_oversized(const LinkContext& context, const LinkOversized& oversized) override {
    refuse(context, oversized.link);
  }
  void on_closed(const LinkContext&, const LinkClosed& link) override { closed = link.close; }

  void on_timer(const LinkContext& context) override {
    if (!wanted_) return;
    EXPECT_TRUE(context.links.dial(context.now, *std::exchange(wanted_, std::nullopt)));
  }
  [[nodiscard]] Mono next_deadline() const override { return wanted_ ? Mono{} : never; }

  std::string answer;
  PeerId peer;
  std::optional<CloseInfo> closed;

 private:
  void send(const LinkContext& context, LinkId link, BytesView payload) {
    EXPECT_EQ(context.links.send(link, SendClass::bulk, pool_.make(payload)), SendResult::queued);
  }
  static void refuse(const LinkContext& context, LinkId link) {
    context.links.close(context.now, link, CloseCode::protocol_violation, CloseMode::at_once);
  }

  FramePool pool_;
  std::optional<DialRequest> wanted_;
  std::optional<LinkId> asked_;
  std::string text_;
};

struct EchoTest : testing::Test {
  void serve(std::size_t node) {
    wire.with(node, [&](node::Node& one, const Now&) { one.serve(EchoProtocol::alpn, echo.at(node)); });
  }
  void ask(std::size_t from, std::size_t to) {
    wire.with(from,
              [&](node::Node&, const Now&) { echo.at(from).ask(node_id(to), node_address(to), "are you there?"); });
  }
  EchoTest() {
    wire.add();
    wire.add();
  }
  std::array<EchoProtocol, 2> echo;
  Wire wire;
};

TEST_F(EchoTest, registered_on_both_sides__comes_back) {
  serve(0);
  serve(1);
  ask(0, 1);
  ASSERT_TRUE(wire.run_until([&] { return echo[0].closed && echo[1].closed; }, 3s));
  EXPECT_EQ(echo[0].answer, "are you there?");
  EXPECT_EQ(echo[1].peer, node_id(0));
  EXPECT_TRUE(echo[1].closed->is(CloseCode::success));
}

TEST_F(EchoTest, registered_on_one_side__ends_in_the_handshake) {
  serve(0);
  ask(0, 1);
  ASSERT_TRUE(wire.run_until([&] { return echo[0].closed.has_value(); }, 3s));
  EXPECT_EQ(echo[0].closed->by, ClosedBy::handshake);
  EXPECT_EQ(echo[0].answer, "");
}

}  // namespace
}  // namespace mosaik::test
