#pragma once
/// Events on their way to the endpoint's owner, in the order in which they happened, and how much of them it gets in
/// one turn. Frames are not copied here: a mark tells that a link has some, and they are taken from its inbox when the
/// mark comes up. Private to the room.

#include <map>
#include <memory>
#include <variant>
#include <vector>

#include "base/limits.hpp"
#include "transport/quic/connection/inbox.hpp"
#include "transport/quic/connection/ring.hpp"

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

/// What links that have ended had received, and nobody has read yet: a peer's last words count, its close comes after
/// them.
///
/// An owner that closes such a link wants to hear no more of it. Links that have proven nothing may leave
/// limits::unread_bytes in all; what would be more is gone with its link.
class Rests {
 public:
  /// `proven`: its owner has raised the limit of its frames.
  void keep(LinkId link, std::unique_ptr<Inbox> inbox, bool proven) {
    const std::size_t bytes = proven ? 0 : inbox->held();
    if (bytes > limits::unread_bytes - unproven_bytes_) return dropped_.push_back(std::move(inbox));
    unproven_bytes_ += bytes;
    rests_.emplace(link, Rest{std::move(inbox), bytes});
  }
  [[nodiscard]] Inbox* find(LinkId link) const {
    const auto found = rests_.find(link);
    return found == rests_.end() ? nullptr : found->second.inbox.get();
  }
  /// A frame of it may just be in somebody's hands: it is theirs until bury().
  void drop(LinkId link) {
    const auto found = rests_.find(link);
    if (found == rests_.end()) return;
    unproven_bytes_ -= found->second.bytes;
    dropped_.push_back(std::move(found->second.inbox));
    rests_.erase(found);
  }
  void bury() noexcept { dropped_.clear(); }
  void check_invariants() const {
    std::size_t bytes = 0;
    for (const auto& [link, rest] : rests_) bytes += rest.bytes;
    // Protects both memory and strangers' last words: what was read or dropped makes room for others.
    MOSAIK_ASSERT(bytes == unproven_bytes_ && bytes <= limits::unread_bytes);
  }

 private:
  struct Rest {
    std::unique_ptr<Inbox> inbox;
    std::size_t bytes = 0;  ///< that count
  };
  std::map<LinkId, Rest> rests_;
  std::vector<std::unique_ptr<Inbox>> dropped_;
  std::size_t unproven_bytes_ = 0;
};

}  // namespace mosaik::quic
