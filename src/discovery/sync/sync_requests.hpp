#pragma once
/// Syncs that a caller asked for: one a peer, in the order of the asking. A request whose dial has to wait for the
/// budget of dials is put aside until then, and holds up no other.

#include "discovery/source.hpp"
#include "discovery/sync/exchanges.hpp"

namespace mosaik::discovery {

class SyncRequests final : public Source {
 public:
  static constexpr std::size_t most = 256;  ///< syncs asked for and not ended

  SyncRequests(PeerDirectory& peers, Exchanges& exchanges) : peers_(peers), exchanges_(exchanges) {}

  /// SyncEnded follows. Requests for one peer share one sync. `source`: who named the addresses.
  void ask(const PeerId& peer, const std::vector<SocketAddress>& addresses, DialSource source, Events& events);

  void pump(const Context& context) override;
  void on_sync_ended(const Now& now, const Exchange& exchange, const Result<>& result, Told told,
                     Events& events) override;
  [[nodiscard]] Mono next_deadline() const override { return deferred_.empty() ? never : deferred_.begin()->first; }
  void check_invariants() const override;

 private:
  struct Request {
    std::uint64_t order = 0;
    std::vector<SocketAddress> addresses{};
    DialSource source{};
    std::optional<Mono> not_before{};  ///< when the budget of dials is asked again
  };

  void defer(const PeerId& peer, Mono at);
  /// The request can be dialed from now on.
  void make_ready(const PeerId& peer, Request& request);

  PeerDirectory& peers_;
  Exchanges& exchanges_;
  std::map<PeerId, Request> requests_;
  std::map<std::uint64_t, PeerId> ready_;       ///< by the order of the asking
  std::set<std::pair<Mono, PeerId>> deferred_;  ///< by not_before
  std::uint64_t asked_ = 0;
};

}  // namespace mosaik::discovery
