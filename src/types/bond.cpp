#include <mosaik/types/bond.hpp>

#include <algorithm>
#include <iterator>
#include <tuple>

namespace mosaik {

Bonds::Bonds(PeerId self, std::vector<Bond> bonds, std::vector<Pair> missing) {
  const auto before = [](const Bond& x, const Bond& y) { return std::tie(x.a(), x.b()) < std::tie(y.a(), y.b()); };
  if (!std::ranges::is_sorted(bonds, before)) std::ranges::sort(bonds, before);
  if (!std::ranges::is_sorted(missing)) std::ranges::sort(missing);
  content_ = std::make_shared<const Content>(Content{self, std::move(bonds), std::move(missing)});
}

// By (a, b), and one end of each is ours: that is the order of the other ends.
Bonds Bonds::own() const {
  std::vector<Bond> bonds;
  std::ranges::copy_if(content_->bonds, std::back_inserter(bonds), &Bond::is_own);
  std::vector<Pair> missing;
  std::ranges::copy_if(content_->missing, std::back_inserter(missing),
                       [&](const Pair& pair) { return pair.first == content_->self || pair.second == content_->self; });
  return {content_->self, std::move(bonds), std::move(missing)};
}

Bonds Bonds::of(const PeerId& peer) const {
  std::vector<Bond> bonds;
  std::ranges::copy_if(content_->bonds, std::back_inserter(bonds),
                       [&](const Bond& bond) { return bond.a() == peer || bond.b() == peer; });
  std::vector<Pair> missing;
  std::ranges::copy_if(content_->missing, std::back_inserter(missing),
                       [&](const Pair& pair) { return pair.first == peer || pair.second == peer; });
  return {content_->self, std::move(bonds), std::move(missing)};
}

const Bond* Bonds::between(const PeerId& x, const PeerId& y) const {
  const Pair wanted = std::minmax(x, y);
  const auto at =
      std::ranges::lower_bound(content_->bonds, wanted, {}, [](const Bond& bond) { return Pair(bond.a(), bond.b()); });
  if (at == content_->bonds.end() || Pair(at->a(), at->b()) != wanted) return nullptr;
  return &*at;
}

}  // namespace mosaik
