#pragma once
/// What a leader sends of its log and what it may call committed (spec: groups 6.6, 11; the counting: quorum.hpp).
/// Empty while this member does not lead.

#include <map>
#include <variant>

#include "consensus/dynamic/contributions.hpp"
#include "consensus/dynamic/elections.hpp"
#include "consensus/dynamic/outbox.hpp"
#include "consensus/dynamic/peer_progress.hpp"

namespace mosaik::consensus {

class Replication {
 public:
  /// All outlive this.
  Replication(const Config& config, Log& log, Durability& durability, const Peers& peers, const Membership& membership,
              const Elections& elections, Outbox& outbox)
      : config_(config),
        log_(log),
        durability_(durability),
        peers_(peers),
        membership_(membership),
        elections_(elections),
        outbox_(outbox) {}

  // -- a term of ours
  void begin(const Now& now, const std::set<PeerId>& granted);
  void end();
  void on_bonded(const Now& now, const PeerId& peer);
  void on_gone(const PeerId& peer);

  // -- commands
  /// Why there is no room for the commands of this member's own calls.
  [[nodiscard]] std::optional<Refusal> lacks_room(const std::vector<Blob>& commands) const;
  /// The same for those of another member, which gets its fair share.
  [[nodiscard]] std::optional<Refusal> lacks_room_for(const PeerId& from, const std::vector<Blob>& commands) const;
  IndexRange append(std::vector<Blob> commands);
  IndexRange append_for(const PeerId& from, std::vector<Blob> commands);

  // -- a step of a leader
  /// In the quiet period: nothing is sent.
  void keep_quiet(const Now& now);
  /// Advances the commit index and sends what is new to all. False when only a new term helps (needs_new_term).
  [[nodiscard]] bool replicate(const Now& now);
  /// An append goes to all in this step.
  void ensure_append(const Now& now);
  /// A joiner waits for the next append.
  void hurry_append(const Now& now) { heartbeat_at_ = now.mono; }
  void advance_commit(const Now& now) { log_.commit_to(agreed(now)); }

  [[nodiscard]] bool on_append_response(const Now& now, const PeerId& from, const AppendEntriesResponse& response);

  /// The last entry when this term began: what earlier leaders left may be committed without our knowing.
  [[nodiscard]] Index elected_at() const noexcept { return elected_at_; }
  /// Entries up to here were sent to all.
  [[nodiscard]] Index sent_to_all() const noexcept { return sent_; }
  /// Other members that have all that is committed.
  [[nodiscard]] std::uint32_t in_step() const;
  /// `settled`: what is due only once, until a step has seen it.
  [[nodiscard]] Mono next_deadline(Mono settled) const;

  template <class F>
  void for_each(F visit) {
    for (auto& [peer, progress] : progress_) visit(peer, progress);
  }
  template <class F>
  void for_each(F visit) const {
    for (const auto& [peer, progress] : progress_) visit(peer, progress);
  }
  [[nodiscard]] PeerProgress& progress(const PeerId& peer) { return progress_.at(peer); }

  void check_invariants() const;

 private:
  /// What is known of a peer whose bond broke in this term.
  struct Acknowledged {
    Index last;  ///< it is in step up to there for sure
  };
  struct Interrupted {};  ///< a Rust member that may have been catching up: it is not known what it has
  using Broken = std::variant<Acknowledged, Interrupted>;

  [[nodiscard]] bool needs_new_term() const;
  void append_to(const PeerId& peer, PeerProgress& progress, const Frame& frame);
  void broadcast(const Now& now);
  void heartbeat();
  void greet(const Now& now, const PeerId& peer, PeerProgress& progress);
  void drop_stalled(const Now& now);
  [[nodiscard]] Cursor sent_end() const;
  [[nodiscard]] std::vector<std::vector<Entry>> missed_since(Index from) const;
  /// Up to where enough members have what this leader has.
  [[nodiscard]] Index agreed(const Now& now) const;

  const Config& config_;
  Log& log_;
  Durability& durability_;
  const Peers& peers_;
  const Membership& membership_;
  const Elections& elections_;
  Outbox& outbox_;
  std::map<PeerId, PeerProgress> progress_;
  std::map<PeerId, Broken> broken_;
  Contributions contributions_;  ///< of the other members
  Index elected_at_;
  Index sent_;
  Index told_commit_;      ///< the commit index that the others have been told
  bool told_all_ = false;  ///< an append went to all in this step
  Mono heartbeat_at_{};
};

}  // namespace mosaik::consensus
