#pragma once
/// The lists of bonds that handshakes bring, verified within an allowance.
///
/// A list may name a thousand peers whose entries nobody here has seen, and a signature takes 90 us: all at once would
/// stop the loop for longer than a failure detector waits. So of each list only some fresh entries are verified with
/// the handshake; the rest is kept, and learned as it is verified, the lists in turn. The bond does not wait for that.
/// Entries that were verified before cost nothing, which are all of them where a group has settled.
///
/// Limits: limits::list_*. A rest for which there is no room is dropped: those in it are heard of elsewhere too.

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/limits.hpp"
#include "base/token_bucket.hpp"
#include "identity/entry.hpp"

namespace mosaik::bonds {

class ListIntake {
 public:
  using Bytes = std::vector<std::uint8_t>;
  struct Read {
    std::vector<identity::EntryRef> entries;
    std::vector<Bytes> rest;  ///< not verified yet; for keep()
  };
  /// One entry of a list that was kept; null when it does not verify.
  struct Heard {
    PeerId from;
    identity::EntryRef entry;
  };

  /// What can be told of the list at once. Empty optional: an entry of it does not verify.
  [[nodiscard]] std::optional<Read> read(const Now& now, std::span<const BytesView> list, identity::Verifier& verifier);
  /// The rest of the list of a peer that is bonded now; replaces what was kept of an earlier one.
  void keep(const PeerId& from, std::vector<Bytes> rest);
  void forget(const PeerId& from);
  /// What the allowance lets through now, the lists in turn. The list of a peer ends with an entry that does not
  /// verify.
  [[nodiscard]] std::vector<Heard> take(const Now& now, identity::Verifier& verifier);
  [[nodiscard]] Mono next_deadline() const noexcept;
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  /// Whose lists are kept, ascending.
  [[nodiscard]] std::vector<PeerId> kept_of() const;

  void check_invariants() const;

 private:
  /// Whether a signature may be checked now.
  [[nodiscard]] bool may_verify(Mono now) noexcept;
  void spend(Mono now, std::uint64_t signatures) noexcept;

  std::map<PeerId, std::deque<Bytes>> kept_;
  std::size_t bytes_ = 0;
  PeerId last_{};  ///< whose list had its turn last
  TokenBucket rate_{limits::list_verify_burst, limits::list_verify_rate, Mono{}};
  Mono turn_{};
  std::size_t in_turn_ = 0;
};

}  // namespace mosaik::bonds
