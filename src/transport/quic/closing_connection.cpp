#include "transport/quic/closing_connection.hpp"

#include <algorithm>

namespace mosaik::quic {

bool ClosingConnection::write(DatagramBatch& out) {
  if (!due_) return true;
  if (out.room().size() < packet_.size()) return false;
  std::ranges::copy(packet_, out.room().begin());
  out.commit(path_, packet_.size());
  due_ = false;
  return true;
}

}  // namespace mosaik::quic
