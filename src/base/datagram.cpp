#include "base/datagram.hpp"

#include "base/assert.hpp"

namespace mosaik {
namespace {

bool joins(const DatagramBatch::Item& item, const DatagramPath& path, std::size_t size) noexcept {
  const bool last_was_whole = item.size % item.segment == 0;
  return item.path == path && last_was_whole && size <= item.segment && item.size / item.segment < gso_segments &&
         item.size + size <= gso_bytes;
}

}  // namespace

void DatagramBatch::commit(const DatagramPath& path, std::size_t size) {
  MOSAIK_ASSERT(size > 0 && size <= buffer_.size() - used_);
  if (!items_.empty() && joins(items_.back(), path, size)) {
    items_.back().size += size;
  } else {
    items_.push_back({.path = path, .offset = used_, .size = size, .segment = size});
  }
  used_ += size;
}

}  // namespace mosaik
