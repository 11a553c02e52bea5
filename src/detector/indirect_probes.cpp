#include "detector/indirect_probes.hpp"

#include <algorithm>

#include <mosaik/serialization/postcard.hpp>

#include "base/assert.hpp"
#include "base/limits.hpp"

namespace mosaik::detector {

namespace {
TellIndirectProbe tell(const PeerId& to, Word word, const PeerId& about) {
  TellIndirectProbe out;
  out.to = to;
  out.value.reserve(1 + PeerId::size);
  postcard::Writer(out.value).varint(static_cast<std::uint64_t>(word)).id(about);
  return out;
}
void ask(Word word, const PeerId& about, const std::vector<PeerId>& others, std::vector<IndirectProbeAction>& actions) {
  std::size_t asked = 0;
  for (const PeerId& other : others)
    if (other != about && asked++ < limits::opinions_asked) actions.emplace_back(tell(other, word, about));
}
}  // namespace

std::optional<std::pair<Word, PeerId>> IndirectProbes::read(BytesView value) {
  postcard::Reader reader(value);
  const std::uint64_t word = reader.varint();
  const PeerId about = reader.id<PeerId>();
  if (!reader.ok() || word > static_cast<std::uint64_t>(Word::proof)) return std::nullopt;
  return std::pair(static_cast<Word>(word), about);
}

void IndirectProbes::on_suspected(const PeerId& peer, const std::vector<PeerId>& others,
                                  std::vector<IndirectProbeAction>& actions) {
  ask(Word::doubt, peer, others, actions);
}

void IndirectProbes::on_proof_wanted(const PeerId& peer, const std::vector<PeerId>& others,
                                     std::vector<IndirectProbeAction>& actions) {
  ask(Word::proof, peer, others, actions);
}

void IndirectProbes::on_proven(const Now& now, const PeerId& peer, const std::vector<PeerId>& others,
                               std::vector<IndirectProbeAction>& actions) {
  std::erase_if(proven_, [&](const auto& item) { return now.mono - item.second > news; });
  proven_[peer] = now.mono;
  if (const auto unsure = unsure_.extract(peer))
    for (const PeerId& other : unsure.mapped()) actions.emplace_back(tell(other, Word::death, peer));
  if (told_.contains(peer)) return;
  // The next ones after us in the ring of ids: other first observers choose others.
  const auto after = std::ranges::upper_bound(others, self_);
  const auto start = static_cast<std::size_t>(after - others.begin());
  std::size_t told = 0;
  for (std::size_t i = 0; i < others.size() && told < heralds; ++i) {
    const PeerId& other = others[(start + i) % others.size()];
    if (other == peer) continue;
    actions.emplace_back(tell(other, Word::death, peer));
    ++told;
  }
}

void IndirectProbes::on_word(const Now& now, const PeerId& from, Word word, const PeerId& peer,
                             std::optional<Nanoseconds> silent_for, std::vector<IndirectProbeAction>& actions) {
  if (!silent_for) {
    const auto proven = proven_.find(peer);
    if (word == Word::proof && proven != proven_.end() && now.mono - proven->second <= news)
      actions.emplace_back(tell(from, Word::death, peer));
    return;
  }
  switch (word) {
    case Word::doubt:
      if (*silent_for <= fresh) return actions.emplace_back(tell(from, Word::life, peer)), void();
      askers_[peer].insert(from);
      actions.emplace_back(ListenFor{peer});
      actions.emplace_back(Doubted{peer});
      return;
    case Word::life: return actions.emplace_back(Vouched{peer}), void();
    case Word::death:
      told_.insert(peer);
      actions.emplace_back(DeathTold{peer});
      return;
    case Word::proof: unsure_[peer].insert(from); return;
  }
}

void IndirectProbes::on_life(const PeerId& peer, std::vector<IndirectProbeAction>& actions) {
  told_.erase(peer);
  const auto askers = askers_.extract(peer);
  if (!askers) return;
  for (const PeerId& asker : askers.mapped()) actions.emplace_back(tell(asker, Word::life, peer));
}

void IndirectProbes::forget(const PeerId& peer) {
  askers_.erase(peer);
  unsure_.erase(peer);
  told_.erase(peer);
  for (Questions* const questions : {&askers_, &unsure_})
    for (auto at = questions->begin(); at != questions->end();) {
      at->second.erase(peer);
      at = at->second.empty() ? questions->erase(at) : std::next(at);
    }
}

void IndirectProbes::check_invariants() const {
  for (const Questions* const questions : {&askers_, &unsure_})
    for (const auto& [about, from] : *questions) {
      // An answer to ourselves, or to the peer in question, would never leave; an empty set would stay for ever.
      MOSAIK_ASSERT(about != self_ && !from.empty() && !from.contains(self_) && !from.contains(about));
    }
  // A death that is told of ourselves would be told on.
  MOSAIK_ASSERT(!told_.contains(self_) && !proven_.contains(self_));
}

}  // namespace mosaik::detector
