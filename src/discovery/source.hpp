#pragma once
/// A source: a reason to ask peers for entries. Each has its own state and its own times; all dial through the
/// Exchanges and feed the one PeerDirectory. Discovery lets the sources dial in the order of their urgency, and tells
/// each the end of every dialed sync in the reverse order, so that a caller's request is answered last.

#include "discovery/events.hpp"
#include "discovery/sync/exchange.hpp"

namespace mosaik::discovery {

/// What an input with links may touch.
struct Context {
  const Now& now;
  Links& links;
  Events& events;
};

/// Whether the peer holds our entry of the exchange's version now.
enum class Told : std::uint8_t { yes, no };

class SyncObserver {
 public:
  /// A dialed sync is over.
  virtual void on_sync_ended(const Now& now, const Exchange& exchange, const Result<>& result, Told told,
                             Events& events) = 0;
  /// A peer dialed us, and has our reply.
  virtual void on_sync_served(const Now& now, const Exchange& exchange) = 0;

 protected:
  ~SyncObserver() = default;
};

class Source : public SyncObserver {
 public:
  /// Dials what is due and has a place.
  virtual void pump(const Context& context) = 0;
  void on_sync_served(const Now&, const Exchange&) override {}
  [[nodiscard]] virtual Mono next_deadline() const = 0;
  virtual void check_invariants() const = 0;

 protected:
  ~Source() = default;
};

}  // namespace mosaik::discovery
