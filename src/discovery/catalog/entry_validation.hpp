#pragma once
/// EntryValidation: bytes of others become entries that may enter the catalog.
///
/// A snapshot whose structure does not decode is refused whole; an entry in it that does not hold is skipped and
/// counted by itself, so that one bad entry hides no other (spec: discovery 8 W11). What the catalog would refuse
/// anyway is dropped before its signature is checked, and checks of entries that others hand on have a token bucket: a
/// flood of valid or invalid signatures costs a bounded part of a core. What the bucket cuts off can be had again
/// later.

#include <vector>

#include "base/token_bucket.hpp"
#include "discovery/catalog/catalog.hpp"
#include "discovery/diagnostics.hpp"

namespace mosaik::discovery {

/// A snapshot that was read but not merged yet; views into its payload.
struct CatalogSnapshot {
  /// The sender's own entry. Errors: not_found, it sent none; bad_signature or another decoding error; wrong_network.
  Result<identity::EntryRef> theirs = fail(Errc::not_found, "it did not send its own entry");
  /// Entries of others that would be news.
  std::vector<wire::SignedEntryView> news;
};

class EntryValidation {
 public:
  static constexpr std::size_t verify_burst = 1024;  ///< signatures of third parties checked at once: 90 ms,
  static constexpr std::size_t verify_rate = 512;    ///< and a second after that: 5 % of a core

  EntryValidation(const NetworkId& network, const identity::Self& self, identity::Verifier& verifier,
                  const Catalog& catalog, Diagnostics& diagnostics)
      : network_(network), self_(self), verifier_(verifier), catalog_(catalog), diagnostics_(diagnostics) {}

  /// Errors: malformed, limit, old_entry_layout: the link is to be closed with 400.
  [[nodiscard]] Result<CatalogSnapshot> read(const Now& now, const PeerId& from, BytesView payload, Events& events);
  /// The entry of the view, if its signature holds. Errors: limit, the bucket is empty; others as
  /// Verifier::verify.
  [[nodiscard]] Result<identity::EntryRef> verify(const Now& now, const wire::SignedEntryView& view);
  /// The sender's own entry, whatever the bucket holds. Errors: as for CatalogSnapshot::theirs.
  [[nodiscard]] Result<identity::EntryRef> verify_own(const Now& now, const PeerId& from,
                                                      const wire::SignedEntryView& view, Events& events);

 private:
  void sort_in(const Now& now, const PeerId& from, const wire::SignedEntryView& view, CatalogSnapshot& out,
               Events& events);
  void check_own_id(const Now& now, const PeerEntry& entry, const wire::SignedEntryView& view, Events& events);

  NetworkId network_;
  const identity::Self& self_;
  identity::Verifier& verifier_;
  const Catalog& catalog_;
  Diagnostics& diagnostics_;
  BootTokenBucket budget_{verify_burst, verify_rate, Boot{}};  ///< a computer that slept has saved up
};

}  // namespace mosaik::discovery
