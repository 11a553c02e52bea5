#pragma once
/// IndirectProbes: what members tell one another about a third one's life and death, so that a bad link is told apart
/// from a dead process, and one member's news reach all.
///
/// Who comes to suspect a peer of silence asks all that can be asked. Whoever has heard it in the last moment says so
/// at once; others probe it themselves, and say so when it answers. No answer is made to say that it did not: their own
/// verdict takes care of that. Who has proven a death tells it to `heralds` others, unless it was told of it before;
/// that makes them probe at once (health/on_told). Whose own probes of a peer with an ended sentinel stay unanswered
/// asks for such a proof, and is told as soon as there is one.
///
/// A word is no verdict. A member that lies makes us probe, and call a dead peer unreachable; both end the bond. Words
/// per bond are bounded by limits::extensions_rate, what is remembered by the peers that we are bonded with.

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include <mosaik/types/bytes.hpp>
#include <mosaik/types/id.hpp>

#include "base/now.hpp"

namespace mosaik::detector {

/// What a word says about its subject.
enum class Word : std::uint8_t {
  doubt = 0,  ///< I hear nothing of it: do you?
  life = 1,   ///< I have heard it since you asked
  death = 2,  ///< I have a proof that its process is gone
  proof = 3,  ///< its sentinel has ended: have you a proof?
};

/// Tell `to` a word: the value of extension opinion.
struct TellIndirectProbe {
  PeerId to;
  std::vector<std::uint8_t> value;
};
/// What a word means for health/.
struct Doubted {
  PeerId peer;
};
struct Vouched {
  PeerId peer;
};
struct DeathTold {
  PeerId peer;
};
/// Its next sign of life is to be given to on_life.
struct ListenFor {
  PeerId peer;
};
using IndirectProbeAction = std::variant<TellIndirectProbe, Doubted, Vouched, DeathTold, ListenFor>;

class IndirectProbes {
 public:
  /// Heard so shortly ago is heard now.
  static constexpr Nanoseconds fresh = 50ms;
  static constexpr std::size_t heralds = 3;
  static constexpr Nanoseconds news = 2s;  ///< so long a proof is told to who asks

  explicit IndirectProbes(const PeerId& self) : self_(self) {}

  /// `others`: who can be asked, ascending.
  void on_suspected(const PeerId& peer, const std::vector<PeerId>& others, std::vector<IndirectProbeAction>& actions);
  void on_proof_wanted(const PeerId& peer, const std::vector<PeerId>& others,
                       std::vector<IndirectProbeAction>& actions);
  void on_proven(const Now& now, const PeerId& peer, const std::vector<PeerId>& others,
                 std::vector<IndirectProbeAction>& actions);
  /// A word of `from`. `silent_for`: of its subject, empty when we have no bond with it.
  template <class SilentFor>
  void on_word(const Now& now, const PeerId& from, BytesView value, SilentFor&& silent_for,
               std::vector<IndirectProbeAction>& actions) {
    const auto word = read(value);
    if (word && word->second != self_ && word->second != from)
      on_word(now, from, word->first, word->second, silent_for(word->second), actions);
  }
  /// A sign of life that was listened for.
  void on_life(const PeerId& peer, std::vector<IndirectProbeAction>& actions);
  /// We have no bond with it any more, or a new one.
  void forget(const PeerId& peer);

  void check_invariants() const;

 private:
  [[nodiscard]] static std::optional<std::pair<Word, PeerId>> read(BytesView value);
  void on_word(const Now& now, const PeerId& from, Word word, const PeerId& peer, std::optional<Nanoseconds> silent_for,
               std::vector<IndirectProbeAction>& actions);

  PeerId self_;
  using Questions = std::map<PeerId, std::set<PeerId>>;  ///< who has asked, by the peer in question
  Questions askers_;                                     ///< of its life
  Questions unsure_;                                     ///< of a proof of its death
  std::map<PeerId, Mono> proven_;                        ///< our own proofs of the last moments
  std::set<PeerId> told_;                                ///< whose death another member has told us
};

}  // namespace mosaik::detector
