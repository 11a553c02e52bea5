#pragma once
/// A model of a Rust member: the crate's Raft with log replay (spec: groups 6), which panics where the real one would
/// (8.2 S28, 11.2). A panic is a failure of whoever sent the message. A *wedge* is a session that can never end (S16).
/// It knows no bonds and no bytes: tests/consensus and the simulator's model of the crate bring it messages.

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "consensus/dynamic/messages.hpp"

namespace mosaik::sim {

struct RustTiming {
  Nanoseconds heartbeat = 500ms;
  Nanoseconds election = 2s;
  Nanoseconds jitter = 500ms;
  Nanoseconds bootstrap = 3s;
  Nanoseconds fetch_timeout = 25s;
  std::uint32_t batch = 2000;
};

class RustMember {
 public:
  using Message = consensus::Message;
  using Entry = consensus::Entry;
  using Term = consensus::Term;
  using Index = consensus::Index;
  using Cursor = consensus::Cursor;
  using IndexRange = consensus::IndexRange;
  enum class Role : std::uint8_t { follower, candidate, leader };

  RustMember(const PeerId& id, Rng rng, const RustTiming& timing, Mono now);

  // -- what the test looks at
  std::vector<std::string> panics;
  std::vector<std::pair<PeerId, std::string>> wedges;  ///< and whose message did it
  /// A chunk came twice: an answer to an earlier session, and another member's. Every provider is in the right, and the
  /// session is wedged all the same (spec: groups 8.1 S16c).
  bool late_chunk = false;
  std::vector<Entry> log;
  std::vector<Blob> applied;  ///< the state machine: commands in the order of application
  Index committed;
  Role role = Role::follower;
  Term term;
  std::optional<PeerId> leader;
  bool online = false;
  std::vector<std::pair<PeerId, Message>> outbox;
  std::map<std::uint64_t, IndexRange> acks;  ///< forwarded commands that a leader has placed
  std::map<std::uint64_t, std::pair<Blob, Index>> reads;
  [[nodiscard]] bool catching_up() const { return session_.has_value(); }

  // -- inputs
  void on_bonded(Mono now, const PeerId& peer);
  void on_gone(Mono now, const PeerId& peer);
  void on_message(Mono now, const PeerId& from, const Message& message);
  void on_timer(Mono now);
  [[nodiscard]] Mono next_deadline() const;
  /// Feeds commands; false when offline. As leader the places are known at once.
  std::optional<IndexRange> feed(Mono now, std::vector<Blob> commands, std::uint64_t request);

 private:
  struct Session {
    IndexRange gap;
    PeerId leader;
    std::vector<std::pair<Index, Entry>> buffered;
    std::set<PeerId> known;
    std::map<PeerId, IndexRange> available;
    std::map<PeerId, std::pair<IndexRange, Mono>> in_flight;
    std::map<Index, std::pair<IndexRange, std::vector<Entry>>> chunks;
  };

  void panic(const std::string& why) { panics.push_back(why); }
  void send(const PeerId& to, Message message) { outbox.emplace_back(to, std::move(message)); }
  void broadcast(const Message& message);
  [[nodiscard]] Index last_index() const { return {log.size()}; }
  [[nodiscard]] Cursor last() const { return log.empty() ? Cursor{} : Cursor{log.back().term, last_index()}; }
  [[nodiscard]] std::optional<Term> term_at(Index index) const;
  [[nodiscard]] Nanoseconds draw() { return timing_.election + rng_.between(0ns, timing_.jitter - 1ns); }

  void follow(Mono now, Term at, std::optional<PeerId> whom);

  // ------------------------------------------------------------------------------------------------ 6.3
  void receive(Mono now, const PeerId& from, const Message& message);

  bool provide(const PeerId& from, const Message& message);

  // ------------------------------------------------------------------------------------------------ 6.5
  void vote(Mono now, const PeerId& from, const consensus::RequestVote& request);

  // ------------------------------------------------------------------------------------------------ 6.4
  void campaign(Mono now, Term at);
  void as_candidate(Mono now, const PeerId& from, const Message& message);
  void win(Mono now);

  // ------------------------------------------------------------------------------------------------ 6.6
  IndexRange enqueue(std::vector<Blob> commands);
  void heartbeat(Mono now);
  void flush(Mono now);
  void remove_dead();
  void backfill();
  [[nodiscard]] Index quorum() const;
  void acknowledge(const PeerId& peer, Index index);
  void as_leader(Mono now, const PeerId& from, const Message& message);
  /// The machine of the model: the number of applied commands.
  [[nodiscard]] Blob answer() const;

  // ------------------------------------------------------------------------------------------------ 6.7
  void as_follower(Mono now, const PeerId& from, const Message& message);
  void append_entries(Mono now, const PeerId& from, const consensus::AppendEntries& append);
  void truncate(Index from) { log.resize(std::min<std::size_t>(log.size(), from.value == 0 ? 0 : from.value - 1)); }

  // ------------------------------------------------------------------------------------------------ 6.8
  void commit(Index index);

  // ------------------------------------------------------------------------------------------------ 6.12
  void poll(Mono now);
  void poll_session(Mono now);
  void schedule(Mono now);
  bool finish_session();

  PeerId id_;
  Rng rng_;
  RustTiming timing_;
  std::set<PeerId> bonds_;
  Mono timer_{};
  std::optional<std::pair<Term, PeerId>> voted_;
  std::set<PeerId> requested_;
  std::set<PeerId> granted_;
  std::set<PeerId> abstained_;
  std::map<PeerId, Index> voters_;
  std::map<PeerId, Index> spares_;
  std::vector<Blob> queue_;
  std::optional<Session> session_;
};

}  // namespace mosaik::sim
