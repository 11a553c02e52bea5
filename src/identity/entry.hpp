#pragma once
/// identity: who a node says it is. A PeerEntry becomes a SignedEntry only here: signed by us, or verified.
///
/// An entry is verified once per content: the verifier keeps what it has verified by the digest of its bytes, so
/// that a mesh of N nodes verifies N entries and not N^3. A SignedEntry is immutable and shared.

#include <deque>
#include <map>
#include <string>
#include <vector>

#include <mosaik/types/peer_entry.hpp>
#include <mosaik/types/result.hpp>

#include "base/counted.hpp"
#include "base/now.hpp"
#include "crypto/ed25519.hpp"
#include "wire/entry.hpp"

namespace mosaik::identity {

/// The label that our entries carry; Rust parses it as SemVer and compares it with nothing.
inline constexpr std::string_view protocol = "0.4.2+cpp.1";

/// An entry whose signature holds, with its canonical bytes (entry, then signature).
struct SignedEntry {
  PeerEntry entry;
  std::vector<std::uint8_t> bytes;
  Digest digest;  ///< BLAKE3 of `bytes`

  [[nodiscard]] const PeerId& id() const noexcept { return entry.id; }
  [[nodiscard]] bool names(const GroupId& group) const noexcept;
  /// True when the label says that the sender is a C++ node. A hint for timing, never for trust.
  [[nodiscard]] bool labelled_cpp() const noexcept;
};
using EntryRef = Ref<SignedEntry>;

/// Signs the entry with the key of its id. The entry's id must be the key's.
[[nodiscard]] EntryRef sign(const PeerEntry& entry, const crypto::SecretKey& key);

/// Verifies entries, each content once.
class Verifier {
 public:
  explicit Verifier(std::size_t capacity);
  /// Errors: malformed, not_canonical, limit, old_entry_layout, bad_signature.
  [[nodiscard]] Result<EntryRef> verify(const wire::SignedEntryView& view);
  /// The same for bytes that must be exactly one signed entry.
  [[nodiscard]] Result<EntryRef> verify(BytesView signed_entry);
  /// The entry of these bytes if it was verified before; null otherwise.
  [[nodiscard]] EntryRef find(BytesView signed_entry) const;
  /// Remembers an entry that needs no verification: our own.
  void remember(const EntryRef& entry);
  /// Signatures checked so far; what the cache answered is not counted.
  [[nodiscard]] std::uint64_t verifications() const noexcept { return verifications_; }

 private:
  std::size_t capacity_;
  std::map<Digest, EntryRef> known_;
  std::deque<Digest> order_;  // oldest first
  std::uint64_t verifications_ = 0;
};

/// Our own entry: changed, dated and signed here and nowhere else.
class Self {
 public:
  /// `started` is now, or one more than `last_started` when the clock went back since the last run.
  Self(crypto::SecretKey key, const NetworkId& network, Wall now, std::int64_t last_started = 0);

  [[nodiscard]] const PeerId& id() const noexcept { return key_.id(); }
  [[nodiscard]] const crypto::SecretKey& key() const noexcept { return key_; }
  [[nodiscard]] const EntryRef& entry() const noexcept { return current_; }
  [[nodiscard]] std::int64_t started() const noexcept { return current_->entry.version.started; }

  // Each returns true when the entry changed; it is then signed anew with a greater version. An entry holds at most
  // limits::entry_addresses, entry_items tags and limits::groups groups: of addresses the first that are
  // given are kept, of tags the first in order, and one group more is not joined, so that no peer refuses us for our
  // size.
  /// Addresses that nobody else could use are left out: unspecified, port 0, link-local IPv6.
  bool set_addresses(std::vector<SocketAddress> addresses, Wall now);
  bool set_tags(std::vector<Tag> tags, Wall now);
  bool join(const GroupId& group, Wall now);
  bool leave(const GroupId& group, Wall now);
  /// Signs anew with a greater version, nothing else changed.
  void refresh(Wall now);

 private:
  void publish(PeerEntry entry, Wall now);
  crypto::SecretKey key_;
  EntryRef current_;
};

}  // namespace mosaik::identity
