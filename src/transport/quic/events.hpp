#pragma once
/// Events on their way to the endpoint's owner, in the order in which they happened. Frames are not copied here: a mark
/// tells that a link has some, and they are taken from its inbox when the mark comes up.

#include <variant>

#include "link/link.hpp"
#include "transport/quic/ring.hpp"

namespace mosaik::quic {

struct FramesReady {
  LinkId link;
};
/// A link's end. What had arrived before it is in Shared::rests.
struct Ended {
  LinkClosed closed;
};
using QueuedEvent = std::variant<std::monostate, LinkEvent, FramesReady, Ended>;
using EventQueue = Ring<QueuedEvent>;

}  // namespace mosaik::quic
