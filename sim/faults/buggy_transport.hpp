#pragma once
/// Rare refusals of the real transport, made common: a dial that finds every place taken, a queue that is full. The
/// cores promise to go on from there (link/links.hpp); with this the simulator holds them to it.

#include <memory>

#include "base/random.hpp"
#include "link/transport.hpp"

namespace mosaik::sim {

class BuggyTransport final : public Transport {
 public:
  /// `active`: as long as it says so; `chance` in a million.
  BuggyTransport(std::unique_ptr<Transport> real, const Rng& rng, std::uint64_t chance, const bool& active)
      : real_(std::move(real)), rng_(rng), chance_(chance), active_(active) {}

  void serve(const Alpn& alpn) override { real_->serve(alpn); }
  void on_datagram(const Now& now, const DatagramPath& path, BytesView bytes) override {
    real_->on_datagram(now, path, bytes);
  }
  void on_unreachable(const Now& now, const SocketAddress& remote, BytesView quoted, Refusal refusal) override {
    real_->on_unreachable(now, remote, quoted, refusal);
  }
  void on_timer(const Now& now) override { real_->on_timer(now); }
  bool advance(const Now& now) override { return real_->advance(now); }
  [[nodiscard]] std::optional<LinkEvent> next_event() override { return real_->next_event(); }
  bool transmit(const Now& now, DatagramBatch& out) override { return real_->transmit(now, out); }
  [[nodiscard]] Mono next_deadline() const override { return real_->next_deadline(); }
  [[nodiscard]] const EndpointCounters& counters() const noexcept override { return real_->counters(); }
  void check_invariants() const override { real_->check_invariants(); }
  [[nodiscard]] std::size_t connections() const noexcept override { return real_->connections(); }

  [[nodiscard]] Result<LinkId> dial(const Now& now, const DialRequest& request) override {
    if (strikes()) return fail(Errc::limit, "this node has all the connections that it may have");
    return real_->dial(now, request);
  }
  SendResult send(LinkId link, SendClass kind, const Frame& frame) override {
    if (kind == SendClass::liveness && strikes()) return SendResult::full;
    return real_->send(link, kind, frame);
  }
  void probe(LinkId link) override { real_->probe(link); }
  void close(const Now& now, LinkId link, CloseCode code, CloseMode mode) override {
    real_->close(now, link, code, mode);
  }
  void set_frame_limit(LinkId link, std::size_t bytes) override { real_->set_frame_limit(link, bytes); }
  [[nodiscard]] Result<Bytes32> exporter(LinkId link, BytesView label) const override {
    return real_->exporter(link, label);
  }
  [[nodiscard]] std::optional<LinkStats> stats(LinkId link) const override { return real_->stats(link); }

 private:
  bool strikes() { return active_ && rng_.below(1'000'000) < chance_; }

  std::unique_ptr<Transport> real_;
  Rng rng_;
  std::uint64_t chance_;
  const bool& active_;
};

}  // namespace mosaik::sim
