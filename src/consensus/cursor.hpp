#pragma once
/// Places in the log: the public ones (include/mosaik/cursor.hpp), under the names of this room.

#include <mosaik/cursor.hpp>

namespace mosaik::consensus {

using mosaik::Cursor;
using mosaik::Index;
using mosaik::IndexRange;
using mosaik::Term;

}  // namespace mosaik::consensus
