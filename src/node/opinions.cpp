#include "node/opinions.hpp"

#include <algorithm>

#include <mosaik/postcard.hpp>

#include "base/limits.hpp"

namespace mosaik::node {

namespace {
TellOpinion tell(const PeerId& to, Word word, const PeerId& about) {
  TellOpinion out;
  out.to = to;
  out.value.reserve(1 + PeerId::size);
  postcard::Writer(out.value).varint(static_cast<std::uint64_t>(word)).id(about);
  return out;
}
void ask(Word word, const PeerId& about, const std::vector<PeerId>& others, std::vector<OpinionEffect>& effects) {
  std::size_t asked = 0;
  for (const PeerId& other : others)
    if (other != about && asked++ < limits::opinions_asked) effects.emplace_back(tell(other, word, about));
}
}  // namespace

std::optional<std::pair<Word, PeerId>> Opinions::read(BytesView value) {
  postcard::Reader reader(value);
  const std::uint64_t word = reader.varint();
  const PeerId about = reader.id<PeerId>();
  if (!reader.ok() || word > static_cast<std::uint64_t>(Word::proof)) return std::nullopt;
  return std::pair(static_cast<Word>(word), about);
}

void Opinions::on_suspected(const PeerId& peer, const std::vector<PeerId>& others,
                            std::vector<OpinionEffect>& effects) {
  ask(Word::doubt, peer, others, effects);
}

void Opinions::on_proof_wanted(const PeerId& peer, const std::vector<PeerId>& others,
                               std::vector<OpinionEffect>& effects) {
  ask(Word::proof, peer, others, effects);
}

void Opinions::on_proven(const Now& now, const PeerId& peer, const std::vector<PeerId>& others,
                         std::vector<OpinionEffect>& effects) {
  std::erase_if(proven_, [&](const auto& item) { return now.mono - item.second > news; });
  proven_[peer] = now.mono;
  if (const auto unsure = unsure_.extract(peer))
    for (const PeerId& other : unsure.mapped()) effects.emplace_back(tell(other, Word::death, peer));
  if (told_.contains(peer)) return;
  // The next ones after us in the ring of ids: other first observers choose others.
  const auto after = std::ranges::upper_bound(others, self_);
  const auto start = static_cast<std::size_t>(after - others.begin());
  std::size_t told = 0;
  for (std::size_t i = 0; i < others.size() && told < heralds; ++i) {
    const PeerId& other = others[(start + i) % others.size()];
    if (other == peer) continue;
    effects.emplace_back(tell(other, Word::death, peer));
    ++told;
  }
}

void Opinions::on_word(const Now& now, const PeerId& from, Word word, const PeerId& peer,
                       std::optional<Nanoseconds> silent_for, std::vector<OpinionEffect>& effects) {
  if (!silent_for) {
    const auto proven = proven_.find(peer);
    if (word == Word::proof && proven != proven_.end() && now.mono - proven->second <= news)
      effects.emplace_back(tell(from, Word::death, peer));
    return;
  }
  switch (word) {
    case Word::doubt:
      if (*silent_for <= fresh) return effects.emplace_back(tell(from, Word::life, peer)), void();
      askers_[peer].insert(from);
      effects.emplace_back(ListenFor{peer});
      effects.emplace_back(Doubted{peer});
      return;
    case Word::life: return effects.emplace_back(Vouched{peer}), void();
    case Word::death:
      told_.insert(peer);
      effects.emplace_back(DeathTold{peer});
      return;
    case Word::proof: unsure_[peer].insert(from); return;
  }
}

void Opinions::on_life(const PeerId& peer, std::vector<OpinionEffect>& effects) {
  told_.erase(peer);
  const auto askers = askers_.extract(peer);
  if (!askers) return;
  for (const PeerId& asker : askers.mapped()) effects.emplace_back(tell(asker, Word::life, peer));
}

void Opinions::forget(const PeerId& peer) {
  askers_.erase(peer);
  unsure_.erase(peer);
  told_.erase(peer);
  for (auto& [about, askers] : askers_) askers.erase(peer);
  for (auto& [about, unsure] : unsure_) unsure.erase(peer);
}

}  // namespace mosaik::node
