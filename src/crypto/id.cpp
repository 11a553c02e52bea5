#include <mosaik/types/id.hpp>

#include "crypto/hash.hpp"

namespace mosaik {

Digest Digest::of(std::string_view text) {
  if (const auto id = from_hex(text)) return *id;
  return hash(bytes_of(text));
}

Digest Digest::hash(BytesView bytes) {
  return Digest(crypto::hash({bytes}));
}

Digest Digest::derive(BytesView info) const {
  return Digest(crypto::hash({view(), info}));
}

Digest Digest::hashed() const {
  return hash(view());
}

}  // namespace mosaik
