#pragma once
/// A read-only view of the entries that are known: what the acceptor of a bond asks before it reads on.

#include "identity/entry.hpp"

namespace mosaik::identity {

class Directory {
 public:
  /// The peer's newest entry of our network that is neither stale nor departed; empty when there is none.
  [[nodiscard]] virtual EntryRef find(const PeerId& peer, const Now& now) const = 0;

 protected:
  ~Directory() = default;
};

}  // namespace mosaik::identity
