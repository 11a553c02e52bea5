#include <algorithm>

#include "base/assert.hpp"
#include "crypto/hash.hpp"
#include "identity/entry.hpp"

namespace mosaik::identity {

Verifier::Verifier(std::size_t capacity) : capacity_(capacity) {
  MOSAIK_ASSERT(capacity > 0);
}

Result<EntryRef> Verifier::verify(const wire::SignedEntryView& view) {
  const Digest digest = Digest::hash(view.whole);
  if (const auto known = known_.find(digest); known != known_.end()) return known->second;

  Result<PeerEntry> entry = wire::decode_entry(view.entry);
  if (!entry) return std::unexpected(std::move(entry.error()));
  crypto::Signature signature{};
  if (view.signature.size() != signature.size()) return fail(Errc::malformed, "a signature that is not 64 bytes long");
  std::ranges::copy(view.signature, signature.begin());
  ++verifications_;
  // Received bytes are hashed, not encoded again: decode_entry took them only in canonical form (spec: discovery 1.10).
  if (!crypto::verify(entry->id, crypto::hash({view.entry}), signature)) {
    return fail(Errc::bad_signature, "the signature of peer entry " + entry->id.brief() + " does not verify");
  }
  EntryRef out = EntryRef::make(std::move(*entry), std::vector(view.whole.begin(), view.whole.end()), digest);
  remember(out);
  return out;
}

Result<EntryRef> Verifier::verify(BytesView signed_entry) {
  postcard::Reader reader(signed_entry);
  const Result<wire::SignedEntryView> view = wire::cut_signed_entry(reader);
  if (!view) return std::unexpected(view.error());
  if (!reader.finished()) return fail(Errc::malformed, "bytes behind a signed peer entry");
  return verify(*view);
}

EntryRef Verifier::find(BytesView signed_entry) const {
  const auto known = known_.find(Digest::hash(signed_entry));
  return known == known_.end() ? EntryRef{} : known->second;
}

void Verifier::remember(const EntryRef& entry) {
  if (!known_.emplace(entry->digest, entry).second) return;
  order_.push_back(entry->digest);
  if (order_.size() <= capacity_) return;
  known_.erase(order_.front());
  order_.pop_front();
}

}  // namespace mosaik::identity
