#pragma once
/// What all parts of one mesh work with.

#include <mosaik/types/group_key.hpp>

#include "base/assert.hpp"
#include "base/frame.hpp"
#include "bonds/capability.hpp"
#include "bonds/events.hpp"
#include "bonds/heartbeat.hpp"
#include "identity/entry.hpp"

namespace mosaik::bonds {

struct MeshConfig {
  NetworkId network;
  GroupId group;
  GroupKey key;
  HeartbeatConfig heartbeat;
  Capabilities capabilities = own_capabilities;  ///< what we say that we can, and do
  EnginePayload engine{};                        ///< what our engine says to the peer's in handshakes; opaque here
  bool dial_eagerly = false;  ///< no pause before dialing a peer with a lower id: for storms in tests
};

/// Makes frames. The buffer is reused, so that the steady state allocates nothing.
class FrameMaker {
 public:
  explicit FrameMaker(FramePool& pool) : pool_(pool) {}
  /// `encode(out)` appends the payload to `out`.
  template <class F>
  [[nodiscard]] Frame make(F&& encode) {
    // A frame that is made while another one is being encoded would cut that one short.
    MOSAIK_ASSERT(buffer_.empty());
    encode(buffer_);
    Frame out = pool_.make(buffer_);
    buffer_.clear();
    return out;
  }

 private:
  FramePool& pool_;
  std::vector<std::uint8_t> buffer_;
};

struct MeshEnvironment {
  MeshConfig config;
  const identity::Self& self;
  identity::Verifier& verifier;
  FrameMaker frames;
};

}  // namespace mosaik::bonds
