#include "quic/farewell.hpp"

#include <algorithm>

namespace mosaik::quic {

bool Farewell::write(DatagramBatch& out) {
  if (!due_) return true;
  if (out.room().size() < packet_.size() * targets_.size()) return false;
  for (const DatagramPath& target : targets_) {
    std::ranges::copy(packet_, out.room().begin());
    out.commit(target, packet_.size());
  }
  due_ = false;
  return true;
}

}  // namespace mosaik::quic
