#pragma once
/// Indexes in the log: the public names (include/mosaik/types/cursor.hpp), under the names of this room.

#include <mosaik/types/cursor.hpp>

namespace mosaik::consensus {

using mosaik::Cursor;
using mosaik::Index;
using mosaik::IndexRange;
using mosaik::Term;

}  // namespace mosaik::consensus
