#pragma once
/// Many hostile connections against one endpoint that has an honest link: as dialer and as the dialed end, with the
/// grammar of sim::Attacker, from several addresses. The honest link must not notice.

#include <string>

#include "quic/raw_link.hpp"
#include "sim/hostile/attacker.hpp"

namespace mosaik::quic::test {

class Campaign {
 public:
  explicit Campaign(std::uint64_t seed = 1) : wire_(seed) {
    const auto links = wire_.connect(friendly_, host_);
    if (links) honest_ = *links;
    honest_fine_ = links.has_value();
  }

  /// One hostile connection from its first packet to its last.
  void attack(sim::Choices& choices) {
    sim::Attacker attacker(choices);
    const sim::RawParameters parameters = attacker.parameters();
    const auto port = static_cast<std::uint16_t>(1 + ++connections_ % 50'000);
    LinkId dialled{};
    const bool dials = choices.one_in(2);
    RawLink raw = dials
                      ? RawLink(wire_, host_, attacker.alpn(), parameters, port)
                      : RawLink(wire_, host_, dialled, choices.one_in(4) ? Alpn::sync : Alpn::groups, parameters, port);
    wire_.conditions.loss_percent = choices.one_in(4) ? 20 : 0;
    wire_.conditions.jitter = choices.one_in(4) ? Nanoseconds(10ms) : Nanoseconds{};
    const bool meddles = choices.one_in(4);
    if (dials && meddles) attacker.meddle(raw.peer());
    raw.behind_flight = [&] {
      if (choices.one_in(4)) raw.follow({}, attacker.frames());
    };
    const std::uint64_t handshake = choices.one_in(8) ? choices.below(4) : 12;
    for (std::uint64_t i = 0; i < handshake; ++i) {
      raw.run(3ms);
      if (meddles && raw.begun()) attacker.meddle(raw.peer());
    }
    const std::uint64_t moves = 4 + choices.below(28);
    for (std::uint64_t i = 0; i < moves && raw.begun(); ++i) {
      raw.silent = choices.one_in(6);
      for (sim::Attacker::Shot& shot : attacker.shoot(raw.peer(), wire_.now().mono)) {
        const SocketAddress from = Wire::address(static_cast<std::uint8_t>(RawLink::place + shot.socket), port);
        wire_.inject(from, host_.addresses.front(), std::move(shot.datagram));
      }
      raw.run(choices.one_in(8) ? Nanoseconds(std::chrono::milliseconds(choices.below(1500)))
                                : Nanoseconds(std::chrono::milliseconds(choices.below(12))));
    }
    if (raw.log() != nullptr) ++opened_;
    if (choices.one_in(3)) raw.run(2s);
    if (!dials) host_.endpoint->close(wire_.now(), dialled, CloseCode::cancelled, CloseMode::at_once);
    forget_closed();
  }

  /// What went wrong; empty when nothing did.
  [[nodiscard]] std::string verdict() {
    wire_.conditions = {};
    if (!honest_fine_) return "the honest link did not open";
    if (friendly_.links[honest_.first].closed) return "the dialer's end of the honest link has ended";
    if (host_.links[honest_.second].closed) return "the acceptor's end of the honest link has ended";
    const std::size_t before = host_.links[honest_.second].frames.size();
    if (friendly_.endpoint->send(honest_.first, SendClass::liveness, friendly_.frame(16)) != SendResult::queued)
      return "the honest link takes no frame";
    if (!wire_.run_until([&] { return host_.links[honest_.second].frames.size() > before; }, 2s))
      return "a frame on the honest link did not arrive within 2 s";
    host_.links[honest_.second].frames.clear();
    // Those of the last 30 s: QUIC's idle time.
    if (host_.endpoint->connections() > limits::links / 4) return "connections pile up";
    return {};
  }
  /// Lets what the attackers left behind end by itself: after QUIC's idle time of 30 s, or three probe timeouts, which
  /// a peer that acknowledges late can stretch (RFC 9000 10.1).
  void rest() {
    static_cast<void>(wire_.run_until([&] { return left() == 1; }, 600s));
  }

  [[nodiscard]] std::size_t connections() const { return connections_; }
  [[nodiscard]] std::size_t opened() const { return opened_; }
  [[nodiscard]] std::size_t left() const { return host_.endpoint->connections(); }

 private:
  void forget_closed() {
    std::erase_if(host_.links, [&](const auto& item) { return item.first != honest_.second && item.second.closed; });
  }

  Wire wire_;
  Host& friendly_ = wire_.add(1);
  Host& host_ = wire_.add(2);
  std::pair<LinkId, LinkId> honest_{};
  bool honest_fine_ = false;
  std::size_t connections_ = 0;
  std::size_t opened_ = 0;
};

}  // namespace mosaik::quic::test
