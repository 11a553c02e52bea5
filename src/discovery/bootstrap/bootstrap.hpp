#pragma once
/// Bootstrap: the contacts of the configuration are dialed (contacts.hpp says when), and a person hears which of them
/// do not answer. Names are resolved anew for each try: the runtime answers Resolve with on_resolved.

#include "discovery/bootstrap/contacts.hpp"
#include "discovery/source.hpp"
#include "discovery/sync/exchanges.hpp"

namespace mosaik::discovery {

class Bootstrap final : public Source, public CatalogObserver {
 public:
  Bootstrap(std::vector<BootstrapPeer> contacts, PeerDirectory& peers, Exchanges& exchanges, Diagnostics& diagnostics,
            Rng& rng);

  void start(const Now& now);
  enum class Resolved : std::uint8_t { leads_somewhere, leads_nowhere };
  Resolved on_resolved(const Context& context, std::size_t index, const Result<std::vector<SocketAddress>>& addresses);
  /// Names that were not resolved in time.
  void on_timer(const Now& now, Events& events);
  [[nodiscard]] std::vector<ContactStatus> status() const { return contacts_.status(); }

  // Source
  void pump(const Context& context) override;
  void on_sync_ended(const Now& now, const Exchange& exchange, const Result<>& result, Told told,
                     Events& events) override;
  [[nodiscard]] Mono next_deadline() const override;
  void check_invariants() const override { contacts_.check_invariants(); }

  // CatalogObserver
  void on_entry(const Now&, const identity::EntryRef&, const PeerId&, Change) override {}
  void on_entry_gone(const Now& now, const PeerId& peer) override;
  void on_bond(const Now& now, const PeerId& peer, BondState state) override;

 private:
  /// A contact leads to these addresses.
  void go_to(const Context& context, std::size_t index, const std::vector<SocketAddress>& addresses);
  /// Asks each address of a contact without an id who is there.
  void ask_places(const Context& context);
  void note_reached(const Now& now, const PeerId& peer, Events& events);
  void note_failed(const Now& now, const Exchange& exchange, const Error& error, Events& events);
  /// A contact's name leads nowhere.
  void note_unresolved(const Now& now, std::size_t index, const Error& error, Events& events);
  struct Silence {
    std::size_t contact = 0;
    std::optional<SocketAddress> place{};
    std::string why;
    std::string advice;
  };
  void tell_silent(const Now& now, const Silence& silence, Events& events);

  PeerDirectory& peers_;
  Exchanges& exchanges_;
  Diagnostics& diagnostics_;
  Rng& rng_;
  Contacts contacts_;
  bool started_ = false;
};

}  // namespace mosaik::discovery
