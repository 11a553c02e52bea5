#pragma once
/// The bytes of a PeerEntry in the layout of 0.4.2 (spec: discovery 1.9). Structure only:
/// signatures are verified in identity/.

#include <vector>

#include <mosaik/serialization/postcard.hpp>
#include <mosaik/types/peer_entry.hpp>

namespace mosaik::wire {

/// True when every set ascends strictly (tickets: by their id).
[[nodiscard]] bool is_canonical(const PeerEntry& entry);
/// The same entry with its sets sorted and without duplicates; of two tickets with one id the lesser stays.
[[nodiscard]] PeerEntry canonical(PeerEntry entry);

/// Appends the canonical encoding: sets ascending, varints minimal. An entry that is not canonical is made so first.
void encode_entry(const PeerEntry& entry, std::vector<std::uint8_t>& out);

/// One signed entry cut out of a message: views into it, not verified.
struct SignedEntryView {
  BytesView entry;      ///< the entry's encoding
  BytesView signature;  ///< 64 bytes
  BytesView whole;      ///< both
};

/// Finds the end of a signed entry without building it, within the limits of an entry.
/// Errors: malformed; limit; old_entry_layout when the protocol text is a SemVer below 0.4.0.
[[nodiscard]] Result<SignedEntryView> cut_signed_entry(postcard::Reader& reader);

/// Decodes one entry that must fill `bytes` and be canonical. A relay's URL is taken as it stands: printable ASCII, as
/// every normal URL is, but its normal form is not checked (spec: discovery 1.5). Errors: malformed, not_canonical,
/// limit, old_entry_layout.
[[nodiscard]] Result<PeerEntry> decode_entry(BytesView bytes);

}  // namespace mosaik::wire
