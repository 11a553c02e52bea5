#pragma once
/// LogStore: where the hard state and the log of one group are kept, so that they outlive the process. A port: the
/// runtime calls it on its disk thread, and a store may block.

#include <mosaik/types/result.hpp>

#include "consensus/dynamic/actions.hpp"

namespace mosaik::consensus {

class LogStore {
 public:
  LogStore() = default;
  LogStore(const LogStore&) = delete;
  LogStore& operator=(const LogStore&) = delete;
  virtual ~LogStore() = default;
  /// Makes the state durable before it returns. Errors: io, limit (no space is left); the member votes no more then.
  [[nodiscard]] virtual Result<> keep(const Persist& state) = 0;
};

}  // namespace mosaik::consensus
