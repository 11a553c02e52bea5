#include "identity/entry.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "crypto/hash.hpp"

namespace mosaik::identity {

bool SignedEntry::names(const GroupId& group) const noexcept {
  return std::ranges::binary_search(entry.groups, group);
}

bool SignedEntry::labelled_cpp() const noexcept {
  const std::size_t build = entry.protocol.find('+');
  return build != std::string::npos && std::string_view(entry.protocol).substr(build + 1).starts_with("cpp");
}

EntryRef sign(const PeerEntry& entry, const crypto::SecretKey& key) {
  MOSAIK_ASSERT(entry.id == key.id());
  SignedEntry out;
  out.entry = wire::canonical(entry);
  wire::encode_entry(out.entry, out.bytes);
  // The hash is signed, not the entry (spec: discovery 1.10).
  const crypto::Signature signature = key.sign(crypto::hash({out.bytes}));
  out.bytes.insert(out.bytes.end(), signature.begin(), signature.end());
  out.digest = Digest::hash(out.bytes);
  return EntryRef::make(std::move(out));
}

}  // namespace mosaik::identity
