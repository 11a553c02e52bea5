#pragma once
/// What a map knows under one name, from now on under another one.

#include <utility>

namespace mosaik {

/// Gives the value of `from` the key `to`, which nobody may have yet. Null when nothing was under `from`.
template <class Map>
typename Map::mapped_type* rekey(Map& map, const typename Map::key_type& from, const typename Map::key_type& to) {
  auto node = map.extract(from);
  if (!node) return nullptr;
  node.key() = to;
  return &map.insert(std::move(node)).position->second;
}

}  // namespace mosaik
