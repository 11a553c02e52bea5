#pragma once
/// A cluster in memory: C++ engines and models of Rust members, joined by bonds that deliver in order and break. One
/// heap of (time, sequence), one seed. After every event the invariants of the dynamic engine are checked.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <sstream>

#include "base/timeline.hpp"
#include "consensus/dynamic/engine.hpp"
#include "sim/models/rust_member.hpp"

namespace mosaik::test {

using consensus::Loss;
using sim::RustMember;
using sim::RustTiming;

inline PeerId ranked_id(std::size_t rank, std::uint64_t salt = 0) {
  Bytes32 bytes{};
  Rng rng(rank * 7919 + salt * 104729 + 17);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng.below(256));
  bytes[0] = static_cast<std::uint8_t>(rank * 16 + 1);  // ascending with the rank
  return PeerId(bytes);
}
inline Blob text(std::string_view what) {
  return Blob::copy(bytes_of(what));
}
inline std::string text(const Blob& blob) {
  return {reinterpret_cast<const char*>(blob.view().data()), blob.size()};
}

class Cluster {
 public:
  struct Options {
    std::size_t cpp = 3;
    std::size_t rust = 0;
    std::uint32_t floor = 0;
    Nanoseconds delay_least = 100us;
    Nanoseconds delay_most = 2ms;
    bool durable = false;  ///< C++ members have a disk, and keep it over a crash
    Nanoseconds disk_most = 2ms;
    Nanoseconds machine_most = 1ms;  ///< a machine takes its time
    bool floor_promise = true;       ///< check that nothing acknowledged by C++ leaders is lost (floor, C++ only)
    std::uint32_t batch = 2000;
    Preference preference = Preference::normal;
  };

  struct Cpp {
    std::unique_ptr<FramePool> pool = std::make_unique<FramePool>();
    std::unique_ptr<consensus::Engine> engine;
    std::vector<Blob> applied;  ///< the machine
    consensus::Epoch epoch;
    std::deque<consensus::Action> work;  ///< of the machine, in order
    bool machine_busy = false;
    std::vector<consensus::Persist> unsynced;
    consensus::Restored disk;
    std::uint32_t remembered = 0;
    std::map<std::uint64_t, Mono> called;  ///< and when the call ends at the latest
    std::map<std::uint64_t, std::vector<consensus::Outcome>> answers;
    std::vector<consensus::Event> events;
    bool online = false;
    std::uint64_t life = 0;
  };
  struct Member {
    PeerId id;
    bool cpp = true;
    bool up = false;
    std::unique_ptr<Cpp> c;
    std::unique_ptr<RustMember> r;
    std::uint64_t life = 0;
    std::uint32_t remembered = 0;
    consensus::Restored disk;
    Mono woken = never;
  };

  Cluster(std::uint64_t seed, const Options& options) : options_(options), rng_(seed) {
    for (std::size_t i = 0; i < options.cpp + options.rust; ++i) {
      Member member;
      member.id = ranked_id(i, seed);
      member.cpp = i < options.cpp;
      members_.push_back(std::move(member));
    }
  }

  // -- the world
  [[nodiscard]] Now now() const { return timeline_.now(); }
  [[nodiscard]] std::size_t size() const { return members_.size(); }
  [[nodiscard]] Member& member(std::size_t i) { return members_.at(i); }
  [[nodiscard]] consensus::Engine& engine(std::size_t i) { return *members_.at(i).c->engine; }
  [[nodiscard]] ConsensusStatus status(std::size_t i) { return engine(i).status(); }
  [[nodiscard]] RustMember& rust(std::size_t i) { return *members_.at(i).r; }
  [[nodiscard]] Rng& rng() { return rng_; }
  [[nodiscard]] std::size_t index_of(const PeerId& id) const {
    for (std::size_t i = 0; i < members_.size(); ++i)
      if (members_[i].id == id) return i;
    return members_.size();
  }

  void boot(std::size_t i) {
    Member& m = members_.at(i);
    m.up = true;
    ++m.life;
    m.woken = never;
    synced_[i] = 0;
    waiting_[i].clear();
    for (std::size_t other = 0; other < size(); ++other) known_[{i, other}] = 0;
    if (!m.cpp) {
      m.r = std::make_unique<RustMember>(m.id, rng_.fork("rust", i * 1000 + m.life),
                                         RustTiming{.batch = options_.batch}, timeline_.mono());
      return pump(i);
    }
    m.c = std::make_unique<Cpp>();
    consensus::Config config;
    config.self = m.id;
    config.run = m.life;
    config.quorum_floor = options_.floor;
    config.group_size = m.remembered;
    config.batch_size = options_.batch;
    config.preference = options_.preference;
    if (tune) tune(i, config);
    if (options_.durable) {
      config.store = consensus::Store::durable;
      config.restored = m.disk;
    }
    m.c->engine =
        std::make_unique<consensus::Engine>(config, *m.c->pool, rng_.fork("engine", i * 1000 + m.life), now());
    pump(i);
  }
  void boot_all() {
    for (std::size_t i = 0; i < size(); ++i) boot(i);
  }
  /// All bonds that are missing between members that are up and may see each other.
  void bond_all() {
    for (std::size_t a = 0; a < size(); ++a)
      for (std::size_t b = a + 1; b < size(); ++b) bond(a, b);
  }
  void bond(std::size_t a, std::size_t b) {
    if (!members_[a].up || !members_[b].up || bonds_.contains({a, b}) || cut_.contains({a, b})) return;
    bonds_[{a, b}] = {};
    bonds_[{b, a}] = {};
    began(a, b);
    began(b, a);
  }
  [[nodiscard]] bool bonded(std::size_t a, std::size_t b) const { return bonds_.contains({a, b}); }
  /// The bond ends: what is on the way is lost. Each end learns of it in its own time, at most `within` from now.
  void unbond(std::size_t a, std::size_t b, Loss loss, Nanoseconds within = 0ns) {
    if (bonds_.erase({a, b}) == 0) return;
    bonds_.erase({b, a});
    ended(a, b, loss, within);
    ended(b, a, loss, within);
  }
  /// No bond between the two until heal.
  void cut(std::size_t a, std::size_t b, Nanoseconds within = 0ns) {
    cut_.insert({std::min(a, b), std::max(a, b)});
    unbond(std::min(a, b), std::max(a, b), Loss::presumed, within);
  }
  void heal() {
    cut_.clear();
    bond_all();
  }
  void isolate(std::size_t i, Nanoseconds within = 0ns) {
    for (std::size_t other = 0; other < size(); ++other)
      if (other != i) cut(i, other, within);
  }
  void crash(std::size_t i, Loss loss = Loss::proven, Nanoseconds within = 5ms) {
    Member& m = members_.at(i);
    if (!m.up) return;
    m.up = false;
    ++m.life;
    for (std::size_t other = 0; other < size(); ++other) {
      if (bonds_.erase({i, other}) == 0) continue;
      bonds_.erase({other, i});
      ended(other, i, loss, within);
    }
    if (m.c) m.remembered = m.c->remembered;
    m.c.reset();
    m.r.reset();
  }

  /// Carries out what was asked of the engine directly.
  void step(std::size_t i) { pump(i); }
  void run_for(Nanoseconds span) { timeline_.run_for(span); }
  /// True as soon as `done`; false when the time is over.
  bool run_until(const std::function<bool()>& done, Nanoseconds most) { return timeline_.run_until(done, most); }

  // -- calls on a C++ member
  std::uint64_t execute(std::size_t i, std::vector<Blob> commands, Nanoseconds within = 5s,
                        consensus::Until until = consensus::Until::committed) {
    const std::uint64_t call = ++calls_;
    members_[i].c->called[call] = timeline_.mono() + within;
    engine(i).call(now(), {call}, consensus::Execute{std::move(commands), until}, timeline_.mono() + within);
    pump(i);
    return call;
  }
  std::uint64_t execute(std::size_t i, std::string_view command, Nanoseconds within = 5s) {
    return execute(i, std::vector<Blob>{text(command)}, within);
  }
  std::uint64_t query(std::size_t i, Consistency consistency, Nanoseconds within = 5s, Blob query = text("count")) {
    const std::uint64_t call = ++calls_;
    members_[i].c->called[call] = timeline_.mono() + within;
    engine(i).call(now(), {call}, consensus::Query{std::move(query), consistency}, timeline_.mono() + within);
    pump(i);
    return call;
  }
  std::uint64_t barrier(std::size_t i, Nanoseconds within = 5s) {
    const std::uint64_t call = ++calls_;
    members_[i].c->called[call] = timeline_.mono() + within;
    engine(i).call(now(), {call}, consensus::ReadBarrier{}, timeline_.mono() + within);
    pump(i);
    return call;
  }
  [[nodiscard]] const consensus::Outcome* outcome(std::size_t i, std::uint64_t call) {
    const auto found = members_[i].c->answers.find(call);
    return found == members_[i].c->answers.end() ? nullptr : &found->second.front();
  }
  template <class T>
  [[nodiscard]] const T* answered(std::size_t i, std::uint64_t call) {
    const auto* out = outcome(i, call);
    return out == nullptr ? nullptr : std::get_if<T>(out);
  }

  /// Feeds commands to a Rust member.
  std::optional<IndexRange> feed_rust(std::size_t i, std::vector<Blob> commands) {
    auto out = rust(i).feed(timeline_.mono(), std::move(commands), ++calls_);
    pump(i);
    return out;
  }

  // -- what holds
  [[nodiscard]] std::optional<std::size_t> leader() {
    std::optional<std::size_t> out;
    for (std::size_t i = 0; i < size(); ++i) {
      if (!members_[i].up) continue;
      const bool leads =
          members_[i].cpp ? status(i).role == MemberRole::leader : rust(i).role == RustMember::Role::leader;
      if (!leads) continue;
      if (out) return std::nullopt;
      out = i;
    }
    return out;
  }
  /// One leader, and all that are up follow it and have all it has committed.
  [[nodiscard]] bool agreed() {
    const auto lead = leader();
    if (!lead) return false;
    // A Rust member keeps its committed index when a leader truncates below it (spec: groups 8.1 S3).
    const auto of_rust = [&](std::size_t i) { return std::min(rust(i).committed, Index{rust(i).log.size()}); };
    const Index committed = members_[*lead].cpp ? status(*lead).committed : of_rust(*lead);
    for (std::size_t i = 0; i < size(); ++i) {
      if (!members_[i].up) continue;
      if (members_[i].cpp) {
        const auto one = status(i);
        if (one.leader != members_[*lead].id || !one.online || one.committed != committed || one.applied != committed)
          return false;
      } else if (rust(i).catching_up() && (!members_[*lead].cpp || rust(i).term > status(*lead).term)) {
        // It may be wedged among its own kind, or in a term that all others have forgotten (spec: groups 8.1 S14, S16).
        continue;
      } else if (rust(i).leader != members_[*lead].id || !rust(i).online || of_rust(i) != committed) {
        return false;
      }
    }
    return true;
  }
  [[nodiscard]] const std::vector<Blob>& values(std::size_t i) const {
    return members_[i].cpp ? members_[i].c->applied : members_[i].r->applied;
  }
  [[nodiscard]] std::string describe() {
    std::ostringstream out;
    for (std::size_t i = 0; i < size(); ++i) {
      out << i << (members_[i].cpp ? " cpp " : " rust ");
      if (!members_[i].up) {
        out << "down\n";
        continue;
      }
      if (members_[i].cpp) {
        const auto s = status(i);
        out << to_string(s.role) << " term " << s.term.value << " last " << s.log_position.term.value << ':'
            << s.log_position.index.value << " committed " << s.committed.value << " leader "
            << (s.leader ? std::to_string(index_of(*s.leader)) : "-") << (s.online ? " online" : " offline")
            << (s.catching_up ? " catching up" : "") << " size " << s.group_size << '\n';
      } else {
        const auto& r = rust(i);
        out << (r.role == RustMember::Role::leader      ? "leader"
                : r.role == RustMember::Role::candidate ? "candidate"
                                                        : "follower")
            << " term " << r.term.value << " last " << r.log.size() << " committed " << r.committed.value << " leader "
            << (r.leader ? std::to_string(index_of(*r.leader)) : "-") << (r.online ? " online" : " offline")
            << (r.catching_up() ? " catching up" : "") << '\n';
      }
    }
    return out.str();
  }

  std::function<void(std::size_t, consensus::Config&)> tune;
  std::optional<Blob> machine_answer;  ///< to each query, instead of how much is applied
  /// Sees every frame that is sent: from, to, message.
  std::function<void(std::size_t, std::size_t, const consensus::Message&)> on_sent;
  /// Drops or keeps a frame on its way.
  std::function<bool(std::size_t, std::size_t, const consensus::Message&)> lets_pass;
  /// What the first has sent to the second waits in its queues.
  std::function<bool(std::size_t, std::size_t)> queue_full;
  std::map<std::pair<std::size_t, std::size_t>, Nanoseconds> lag;  ///< so much longer is the way from one to the other
  consensus::Survivors survivors = consensus::Survivors::clique;
  std::map<std::uint64_t, std::pair<Index, Blob>>
      acknowledged;                  ///< calls told committed: where and what (single commands)
  std::map<Index, Blob> promised;    ///< the same by place, when the floor promises it
  std::uint64_t rust_accidents = 0;  ///< panics and wedges that Rust leaders caused
  std::set<Term> rust_terms;         ///< terms in which a Rust member led

 private:
  struct Stream {
    Mono last{};
    std::uint64_t epoch = 0;
    explicit Stream(std::uint64_t at) : epoch(at) {}
    Stream() = default;
  };

  void at(Mono when, std::function<void()> run) { timeline_.at(when, std::move(run)); }

  void began(std::size_t a, std::size_t b) {
    const std::uint64_t life = members_[a].life;
    bonds_[{a, b}].epoch = ++epochs_;
    const std::uint64_t epoch = bonds_[{a, b}].epoch;
    bonds_[{a, b}].last = timeline_.mono();
    at(timeline_.mono(), [=, this] {
      const auto bond = bonds_.find({a, b});
      if (members_[a].life != life || bond == bonds_.end() || bond->second.epoch != epoch) return;
      if (known_[{a, b}] != 0) tell_gone(a, b, Loss::proven);  // the new one replaces it
      known_[{a, b}] = epoch;
      if (members_[a].cpp)
        engine(a).on_bonded(now(), members_[b].id, {members_[b].cpp, members_[b].cpp ? options_.floor : 0});
      else
        rust(a).on_bonded(timeline_.mono(), members_[b].id);
      pump(a);
    });
  }
  void ended(std::size_t a, std::size_t b, Loss loss, Nanoseconds within) {
    if (!members_[a].up) return;
    const std::uint64_t life = members_[a].life;
    const std::uint64_t epoch = known_[{a, b}];
    if (epoch == 0) return;
    at(timeline_.mono() + rng_.between(0ns, within), [=, this] {
      if (members_[a].life != life || known_[{a, b}] != epoch) return;
      tell_gone(a, b, loss);
      pump(a);
    });
  }
  void tell_gone(std::size_t a, std::size_t b, Loss loss) {
    known_[{a, b}] = 0;
    if (members_[a].cpp)
      engine(a).on_gone(now(), members_[b].id, loss, survivors);
    else
      rust(a).on_gone(timeline_.mono(), members_[b].id);
  }

  void transmit(std::size_t a, std::size_t b, const Blob& message) {
    const auto stream = bonds_.find({a, b});
    if (stream == bonds_.end() || known_[{a, b}] != stream->second.epoch) return;
    auto decoded = consensus::decode(message);
    ASSERT_TRUE(decoded) << "a member sends what does not decode";
    if (on_sent) on_sent(a, b, *decoded);
    const std::uint64_t epoch = stream->second.epoch;
    const std::uint64_t life = members_[b].life;
    stream->second.last = std::max(
        stream->second.last, timeline_.mono() + rng_.between(options_.delay_least, options_.delay_most) + lag[{a, b}]);
    at(stream->second.last, [=, this] {
      const auto bond = bonds_.find({a, b});
      if (bond == bonds_.end() || bond->second.epoch != epoch || members_[b].life != life || !members_[b].up) return;
      const auto arrived = consensus::decode(message);
      if (lets_pass && !lets_pass(a, b, *arrived)) return;
      if (known_[{b, a}] == 0 || known_[{b, a}] != bonds_.at({b, a}).epoch) return;
      if (members_[b].cpp) {
        ASSERT_TRUE(engine(b).on_message(now(), members_[a].id, message));
      } else {
        rust(b).on_message(timeline_.mono(), members_[a].id, *arrived);
      }
      pump(b);
    });
  }

  void pump(std::size_t i) {
    Member& m = members_[i];
    if (!m.up) return;
    if (m.cpp)
      pump_cpp(i);
    else
      pump_rust(i);
    check(i);
    if (m.up) wake(i);
  }
  void wake(std::size_t i) {
    Member& m = members_[i];
    const Mono next = m.cpp ? engine(i).next_deadline() : rust(i).next_deadline();
    if (next == never || next == m.woken) return;
    m.woken = next;
    const std::uint64_t life = m.life;
    at(next, [=, this] {
      Member& self = members_[i];
      if (self.life != life || !self.up) return;
      self.woken = never;
      const Mono due = self.cpp ? engine(i).next_deadline() : rust(i).next_deadline();
      if (timeline_.mono() >= due) {
        if (self.cpp)
          engine(i).on_timer(now());
        else
          rust(i).on_timer(timeline_.mono());
      }
      pump(i);
    });
  }
  void pump_rust(std::size_t i) {
    RustMember& r = rust(i);
    for (auto& [to, message] : std::exchange(r.outbox, {})) {
      std::vector<std::uint8_t> bytes;
      consensus::encode(message, bytes);
      const std::size_t target = index_of(to);
      if (target < size()) transmit(i, target, Blob::copy(bytes));
    }
    if (r.role == RustMember::Role::leader) rust_terms.insert(r.term);
  }
  void pump_cpp(std::size_t i) {
    Cpp& c = *members_[i].c;
    c.engine->on_queues(
        [&](const PeerId& peer, consensus::Urgency) { return !queue_full || !queue_full(i, index_of(peer)); });
    c.engine->settle(now());
    for (consensus::Action& action : c.engine->take_actions()) carry_out(i, action);
    work(i);
  }

  void carry_out(std::size_t i, consensus::Action& action) {
    Cpp& c = *members_[i].c;
    if (auto* send = std::get_if<consensus::Send>(&action)) {
      ASSERT_EQ(send->frame.payload()[0], 5);
      const Blob bytes = Blob::copy(send->frame.payload().subspan(1));
      const std::size_t to = index_of(send->peer);
      if (send->after.value > synced_[i]) {
        waiting_[i].push_back({send->after.value, to, bytes});
        return;
      }
      return transmit(i, to, bytes);
    }
    if (auto* persist = std::get_if<consensus::Persist>(&action)) {
      const std::uint64_t life = members_[i].life;
      c.unsynced.push_back(*persist);
      at(timeline_.mono() + rng_.between(0ns, options_.disk_most), [=, this, ticket = persist->ticket] {
        if (members_[i].life == life && members_[i].up) sync(i, ticket);
      });
      return;
    }
    if (auto* remember = std::get_if<consensus::Remember>(&action)) {
      c.remembered = remember->group_size;
      return;
    }
    if (auto* answer = std::get_if<consensus::Answer>(&action)) return note_answer(i, *answer);
    if (auto* event = std::get_if<consensus::Event>(&action)) {
      c.events.push_back(*event);
      if (const auto* online = std::get_if<consensus::OnlineChanged>(event)) c.online = online->online;
      return;
    }
    c.work.push_back(std::move(action));
  }
  void sync(std::size_t i, consensus::Ticket ticket) {
    Cpp& c = *members_[i].c;
    consensus::Restored& disk = members_[i].disk;
    while (!c.unsynced.empty() && c.unsynced.front().ticket <= ticket) {
      const consensus::Persist& persist = c.unsynced.front();
      disk.term = persist.term;
      disk.ballot = persist.ballot;
      ASSERT_LE(persist.keep.value, disk.entries.size());
      disk.entries.resize(persist.keep.value);
      disk.entries.insert(disk.entries.end(), persist.entries.begin(), persist.entries.end());
      c.unsynced.erase(c.unsynced.begin());
    }
    synced_[i] = std::max(synced_[i], ticket.value);
    auto& waiting = waiting_[i];
    for (auto one = waiting.begin(); one != waiting.end();) {
      if (one->ticket > synced_[i]) {
        ++one;
        continue;
      }
      transmit(i, one->to, one->bytes);
      one = waiting.erase(one);
    }
    c.engine->on_persisted(now(), ticket);
    pump(i);
  }
  void work(std::size_t i) {
    Cpp& c = *members_[i].c;
    if (c.machine_busy || c.work.empty()) return;
    c.machine_busy = true;
    const std::uint64_t life = members_[i].life;
    at(timeline_.mono() + rng_.between(0ns, options_.machine_most), [=, this] {
      if (members_[i].life != life || !members_[i].up) return;
      Cpp& self = *members_[i].c;
      self.machine_busy = false;
      consensus::Action action = std::move(self.work.front());
      self.work.pop_front();
      run_machine(i, action);
      pump(i);
    });
  }
  void run_machine(std::size_t i, consensus::Action& action) {
    Cpp& c = *members_[i].c;
    if (auto* apply = std::get_if<consensus::Apply>(&action)) {
      ASSERT_EQ(apply->epoch, c.epoch);
      ASSERT_EQ(apply->before.index.value, c.applied.size()) << "the machine misses commands or gets them twice";
      for (Blob& command : apply->commands) c.applied.push_back(std::move(command));
      c.engine->on_applied(now(), c.epoch, Index{c.applied.size()});
    } else if (auto* reset = std::get_if<consensus::Reset>(&action)) {
      c.epoch = reset->epoch;
      c.applied.clear();
    } else if (auto* ask = std::get_if<consensus::AskMachine>(&action)) {
      ASSERT_EQ(ask->position.value, c.applied.size());
      c.engine->on_answered(now(), ask->id, machine_answer ? *machine_answer : text(std::to_string(c.applied.size())));
    }
  }

  void note_answer(std::size_t i, const consensus::Answer& answer) {
    Cpp& c = *members_[i].c;
    auto& all = c.answers[answer.call.value];
    ASSERT_LE(timeline_.mono(), c.called.at(answer.call.value)) << "a call was answered after its deadline";
    all.push_back(answer.outcome);
    ASSERT_EQ(all.size(), 1U) << "call " << answer.call.value << " was answered twice";
    const auto* committed = std::get_if<consensus::Committed>(&answer.outcome);
    if (committed == nullptr) return;
    const Index at = committed->range.last;
    acknowledged[answer.call.value] = {at, c.engine->log().at(at).command};
    if (options_.floor != 0 && options_.rust == 0) promised[at] = c.engine->log().at(at).command;
  }

  // ------------------------------------------------------------------------------------------------ invariants
  void check(std::size_t i) {
    if (!members_[i].cpp) {
      const auto& r = rust(i);
      if (r.panics.empty() && r.wedges.empty() && !r.late_chunk) return;
      const bool by_rust = r.leader && !members_[index_of(*r.leader)].cpp;
      ASSERT_TRUE(r.panics.empty() || by_rust) << "a Rust member of a C++ leader panics: " << r.panics.front() << '\n'
                                               << describe();
      for (const auto& [from, why] : r.wedges)
        ASSERT_FALSE(members_[index_of(from)].cpp) << "a C++ member wedges a Rust member: " << why << '\n'
                                                   << describe();
      // The crate does this to itself.
      ++rust_accidents;
      return crash(i, Loss::proven);
    }
    const auto s = status(i);
    if (s.role == MemberRole::leader) {
      const auto [found, fresh] = leaders_.try_emplace(s.term, i, members_[i].life);
      ASSERT_EQ(found->second, std::pair(i, members_[i].life)) << "two C++ leaders in term " << s.term.value << '\n'
                                                               << describe();
    }
    ASSERT_LE(s.committed, s.log_position.index);
    ASSERT_LE(s.applied, s.committed);
    // What a floor has promised stays: a member that has committed so far has exactly that.
    if (options_.floor != 0 && options_.rust == 0 && options_.floor_promise) {
      Index& seen = promise_seen_[i];
      if (members_[i].life != promise_life_[i]) {
        promise_life_[i] = members_[i].life;
        seen = {};
      }
      for (Index at = seen.next(); at <= s.committed; at = at.next()) {
        const auto [found, fresh] = history_.try_emplace(at, engine(i).log().at(at));
        ASSERT_EQ(found->second, engine(i).log().at(at))
            << "two members have committed different entries at " << at.value << '\n'
            << describe();
      }
      seen = s.committed;
      ASSERT_EQ(s.diverged, 0U) << "nobody diverges among members with a floor\n" << describe();
    }
  }

 public:
  /// Everybody that is up shows the same values, and everything that a floor has promised is among them.
  void expect_equal_values() {
    std::optional<std::size_t> first;
    for (std::size_t i = 0; i < size(); ++i) {
      if (!members_[i].up) continue;
      if (!first) first = i;
      if (!members_[i].cpp || !members_[*first].cpp) continue;
      EXPECT_EQ(values(i).size(), values(*first).size()) << i << '\n' << describe();
      EXPECT_TRUE(values(i) == values(*first)) << i << " and " << *first << " show different values\n" << describe();
      for (const auto& [at, command] : promised) {
        ASSERT_LE(at.value, values(i).size()) << "an acknowledged command is lost\n" << describe();
        EXPECT_EQ(values(i)[at.value - 1], command) << "an acknowledged command is lost at " << at.value;
      }
    }
  }

  /// Every call of a member that lives has ended.
  void expect_all_answered() {
    for (std::size_t i = 0; i < size(); ++i) {
      if (!members_[i].up || !members_[i].cpp) continue;
      for (const auto& [call, deadline] : members_[i].c->called)
        EXPECT_TRUE(deadline > timeline_.mono() || members_[i].c->answers.contains(call))
            << "call " << call << " of " << i << " hangs";
    }
  }

 private:
  struct Waiting {
    std::uint64_t ticket;
    std::size_t to;
    Blob bytes;
  };
  Options options_;
  Rng rng_;
  Timeline timeline_;
  std::uint64_t epochs_ = 0;
  std::uint64_t calls_ = 0;
  std::vector<Member> members_;
  std::map<std::pair<std::size_t, std::size_t>, Stream> bonds_;
  std::map<std::pair<std::size_t, std::size_t>, std::uint64_t>
      known_;  ///< the bond with the second that the first was told of
  std::set<std::pair<std::size_t, std::size_t>> cut_;
  std::map<std::size_t, std::uint64_t> synced_;
  std::map<std::size_t, std::vector<Waiting>> waiting_;
  std::map<Term, std::pair<std::size_t, std::uint64_t>> leaders_;  ///< and in which of its runs
  std::map<std::size_t, Index> promise_seen_;
  std::map<std::size_t, std::uint64_t> promise_life_;
  std::map<Index, consensus::Entry> history_;
};

}  // namespace mosaik::test
