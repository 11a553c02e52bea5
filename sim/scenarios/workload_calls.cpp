// Clients of a replicated machine: at every member one that executes and asks while the faults are at work. The laws
// of the dynamic engine (docs/CONSISTENCY.md) are checked as things happen:
//
//  * at most one C++ leader a term; no election where nothing went wrong;
//  * a machine gets each place once and in order; it starts over only when its member has said why (diverged);
//  * a call ends once, by its deadline; what it was told is true;
//  * while a floor holds (C++ members that keep their logs): one history. What is applied at a place is the same at
//    every member, what was told committed is there, what was told not applied is nowhere, a strong read has seen all
//    that was told committed before it began;
//  * at rest: one leader, equal machines, every call ended, and a last command of every member is committed;
//  * a Rust member panics or is wedged by its own kind only.

#include <algorithm>

#include "sim/oracle/records.hpp"
#include "sim/scenarios/workload.hpp"

namespace mosaik::sim {

namespace {

constexpr Nanoseconds lateness = 250ms;      // of an answer: the process is one queue
constexpr Nanoseconds first_election = 10s;  // behind the last bond: who leads whom
constexpr Nanoseconds last_word_after = 8s;  // of the mesh being whole: four election timeouts
constexpr Nanoseconds last_word_within = 4s;
constexpr Nanoseconds rust_comes_back = 1s;

/// A call that was begun.
struct CallRecord {
  HostId host;
  unsigned run = 0;
  Mono deadline;                ///< by the clock of the process
  std::vector<Number> numbers;  ///< empty: a query
  bool strong = false;
  bool last_word = false;
  Index promised;  ///< when it began
  std::optional<consensus::Outcome> outcome;
};

/// What one run of a member has shown.
struct Shown {
  unsigned run = 0;
  std::uint64_t applied = 0;
  std::uint64_t diverged = 0;
  std::uint64_t started_over = 0;
  bool accident = false;  ///< of a Rust member; it comes back
};

class Calls final : public Workload {
 public:
  void begin(World& world, Rng rng) override {
    rng_.emplace(rng);
    const node::MachineSpec& machine = world.roster().replication()->machine;
    for (const auto& host : world.hosts()) {
      if (host->spec.software == Software::rust) mixed_ = true;
      const HostId id = host->id;
      world.scheduler().after(rng_->between(0s, 4s), [this, &world, id] { go_on(world, id); });
    }
    floor_ = machine.quorum_floor != 0 && !mixed_;
    durable_ = machine.store == consensus::Store::durable;
  }

  void finish(World& world) override {
    over_ = true;
    world.scheduler().after(last_word_after, [this, &world] {
      for (const auto& host : world.hosts())
        if (host->spec.software == Software::node && host->program && host->member)
          execute(world, host->id, 1, last_word_within, true);
    });
  }

  Broken on_event(const World& world, const Life& life, const Event& event) override {
    Shown& shown = of(world.host(life.host));
    if (event.kind == EventKind::bond_up) last_bond_ = world.now();
    if (event.kind == EventKind::diverged) {
      ++shown.diverged;
      ++counts_["raft: members that started over"];
      if (promised()) return life.name + " diverged though a floor holds";
    }
    if (event.kind == EventKind::stopped && !life.leaving) return life.name + " stopped: " + event.reason;
    if (event.kind != EventKind::role_changed) return std::nullopt;
    if (world.untouched() && world.now() > last_bond_ + first_election)
      return life.name + " is " + std::string(to_string(event.role)) + " though nothing happened";
    if (event.role != MemberRole::leader) return std::nullopt;
    ++counts_["raft: leaders"];
    const auto [found, fresh] = leaders_.try_emplace(event.term, &life);
    if (found->second != &life)
      return life.name + " and " + found->second->name + " lead in term " + std::to_string(event.term.value);
    return std::nullopt;
  }

  Broken on_turn(World& world, Host& host) override {
    if (const RustMember* rust = host.program->rust_member()) return look_at(world, host, *rust);
    MachinePort* const machine = host.program->machine();
    if (machine == nullptr) return std::nullopt;
    Shown& shown = of(host);
    for (MachineNews& news : machine->machinery().take_news()) {
      Broken broken;
      if (auto* applied = std::get_if<Applied>(&news)) broken = on_applied(host, shown, *applied);
      if (auto* ended = std::get_if<CallEnded>(&news)) broken = on_ended(world, host, *ended);
      if (std::holds_alternative<LeftBehind>(news)) on_left(shown);
      if (std::holds_alternative<StartedOver>(news)) {
        shown.applied = 0;
        if (++shown.started_over > shown.diverged) broken = host.spec.name + " starts over and does not say why";
      }
      if (broken) return broken;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::map<std::string, std::uint64_t> counts() const override { return counts_; }

  [[nodiscard]] Broken judge(const World& world) override {
    for (const auto& [id, call] : calls_) {
      const Host& host = world.host(call.host);
      if (!call.outcome && host.program && host.incarnation == call.run)
        return "call " + std::to_string(id) + " of " + host.spec.name + " never ended";
    }
    // A Rust member that led may have wedged itself and others (docs/protocol/groups.md 8.1).
    if (rust_led_) return std::nullopt;
    if (Broken broken = disagree(world)) return broken;
    count_lost(world);
    for (const auto& [id, call] : calls_) {
      if (!call.last_word || (call.outcome && std::holds_alternative<consensus::Committed>(*call.outcome))) continue;
      return "the last word of " + world.host(call.host).spec.name + " is not committed";
    }
    return lost();
  }

 private:
  // ---------------------------------------------------------------------------------------------- clients

  void go_on(World& world, HostId host) {
    if (over_) return;
    const bool burst = rng_->below(20) == 0;
    for (std::uint64_t left = burst ? 20 : 1; left > 0; --left) {
      const Nanoseconds within = rng_->between(5ms, 4s);
      const std::uint64_t dice = rng_->below(10);
      if (dice < 8)
        execute(world, host, 1 + rng_->below(4), within, false);
      else
        ask(world, host, dice == 8, within);
    }
    world.scheduler().after(rng_->between(10ms, 400ms), [this, &world, host] { go_on(world, host); });
  }

  void execute(World& world, HostId host, std::uint64_t count, Nanoseconds within, bool last_word) {
    std::vector<Number> numbers;
    const bool large = world.roster().replication()->large && count == 1 && !last_word && rng_->below(4) == 0;
    for (; count > 0; --count) numbers.push_back(++last_number_ | (large ? large_command : 0));
    world.processes().request(host, [=, this, &world](Program& program, const Now& now) {
      const consensus::CallId call{++last_call_};
      if (program.machine() != nullptr)
        calls_[call.value] = {.host = host,
                              .run = world.host(host).incarnation,
                              .deadline = now.mono + within,
                              .numbers = numbers,
                              .last_word = last_word,
                              .promised = promised_,
                              .outcome = {}};
      if (CommandPort* const port = program.commands()) port->execute(now, call, numbers, now.mono + within);
    });
  }
  void ask(World& world, HostId host, bool strong, Nanoseconds within) {
    world.processes().request(host, [=, this, &world](Program& program, const Now& now) {
      if (program.machine() == nullptr) return;
      const consensus::CallId call{++last_call_};
      calls_[call.value] = {.host = host,
                            .run = world.host(host).incarnation,
                            .deadline = now.mono + within,
                            .numbers = {},
                            .strong = strong,
                            .promised = promised_,
                            .outcome = {}};
      program.machine()->query(now, call, strong ? Consistency::strong : Consistency::weak, now.mono + within);
    });
  }

  // ---------------------------------------------------------------------------------------------- what is told

  /// A floor holds: nobody has lost what it had acknowledged.
  [[nodiscard]] bool promised() const noexcept { return floor_ && !forgotten_; }

  Shown& of(const Host& host) {
    Shown& shown = shown_[host.id];
    if (shown.run == host.incarnation) return shown;
    if (shown.run != 0 && !durable_) forgotten_ = true;
    return shown = {.run = host.incarnation};
  }
  void on_left(Shown& shown) {
    if (!durable_) forgotten_ = true;
    shown = {.run = shown.run};
  }

  Broken on_applied(const Host& host, Shown& shown, const Applied& applied) {
    if (applied.before.value != shown.applied)
      return host.spec.name + " applies what is behind " + std::to_string(applied.before.value) + " and has " +
             std::to_string(shown.applied);
    shown.applied += applied.numbers.size();
    counts_["raft: commands applied"] += applied.numbers.size();
    if (!promised()) return std::nullopt;
    for (std::size_t i = 0; i < applied.numbers.size(); ++i)
      if (Broken broken = on_one_applied(host, applied.before.plus(i + 1), applied.numbers[i])) return broken;
    return std::nullopt;
  }
  Broken on_one_applied(const Host& host, Index at, Number number) {
    const std::string what = host.spec.name + " applies " + std::to_string(number) + " at " + std::to_string(at.value);
    if (at.value <= history_.size()) {
      if (history_[at.value - 1] == number) return std::nullopt;
      return what + ", others have " + std::to_string(history_[at.value - 1]) + " there";
    }
    history_.push_back(number);
    hashes_.push_back(hash_on(hashes_.empty() ? 0 : hashes_.back(), number));
    if (!places_.try_emplace(number, at).second)
      return what + ", and it is applied at " + std::to_string(places_[number].value);
    if (never_.contains(number)) return what + ", which its caller was told to be not applied";
    if (const auto told = told_.find(at); told != told_.end() && told->second != number)
      return what + ", where " + std::to_string(told->second) + " was told to be committed";
    return std::nullopt;
  }

  Broken on_ended(const World& world, const Host& host, const CallEnded& ended) {
    const auto found = calls_.find(ended.call.value);
    const std::string name = "call " + std::to_string(ended.call.value) + " of " + host.spec.name;
    if (found == calls_.end()) return name + " was never begun";
    CallRecord& call = found->second;
    if (call.outcome) return name + " ended twice";
    call.outcome = ended.outcome;
    if (ended.at > call.deadline + lateness && !world.processes().excused(host, 5s))
      return name + " ended " + std::to_string((ended.at - call.deadline) / 1ms) + " ms after its deadline";
    if (const auto* committed = std::get_if<consensus::Committed>(&ended.outcome))
      return on_committed(name, call, *committed);
    if (const auto* read = std::get_if<consensus::Read>(&ended.outcome)) return on_read(name, call, *read);
    if (const auto* refused = std::get_if<consensus::NotApplied>(&ended.outcome)) {
      ++counts_["raft: calls without action: " + std::string(consensus::to_string(refused->why))];
      for (const Number number : call.numbers) {
        never_.insert(number);
        if (promised() && places_.contains(number)) return name + " was told to be not applied, and it is applied";
      }
      return std::nullopt;
    }
    const auto* unknown = std::get_if<consensus::Unknown>(&ended.outcome);
    if (unknown == nullptr) return name + " was told a place alone";
    ++counts_["raft: calls in doubt: " + std::string(consensus::to_string(unknown->why))];
    return std::nullopt;
  }
  Broken on_committed(const std::string& name, const CallRecord& call, const consensus::Committed& committed) {
    ++counts_["raft: calls committed"];
    if (committed.range.size() != call.numbers.size()) return name + " is told another number of places";
    for (std::size_t i = 0; i < call.numbers.size(); ++i) {
      const Index at = committed.range.first.plus(i);
      if (promised() && at.value <= history_.size() && history_[at.value - 1] != call.numbers[i])
        return name + " is told to be committed at " + std::to_string(at.value) + ", where another one is";
      told_[at] = call.numbers[i];
      all_told_.emplace_back(at, call.numbers[i]);
    }
    if (promised()) promised_ = std::max(promised_, committed.range.last);
    return std::nullopt;
  }
  Broken on_read(const std::string& name, const CallRecord& call, const consensus::Read& read) {
    ++counts_[call.strong ? "raft: strong reads" : "raft: weak reads"];
    BytesView rest = read.result.view();
    if (rest.size() != 16) return std::nullopt;  // a Rust leader answered
    const std::uint64_t count = take_number(rest);
    const std::uint64_t hash = take_number(rest);
    if (count != read.position.value) return name + " read another place than it was told";
    if (!promised()) return std::nullopt;
    if (call.strong && read.position < call.promised)
      return name + " read the state at " + std::to_string(count) + " though " + std::to_string(call.promised.value) +
             " was told to be committed before";
    if (count <= hashes_.size() && hash != (count == 0 ? 0 : hashes_[count - 1])) return name + " read another history";
    return std::nullopt;
  }

  // ---------------------------------------------------------------------------------------------- Rust members

  Broken look_at(World& world, const Host& host, const RustMember& rust) {
    if (rust.role == RustMember::Role::leader) rust_led_ = true;
    Shown& shown = of(host);
    if (shown.accident || (rust.panics.empty() && rust.wedges.empty() && !rust.late_chunk)) return std::nullopt;
    const auto is_rust = [&](const PeerId& peer) {
      return std::ranges::any_of(
          world.hosts(), [&](const auto& one) { return one->peer == peer && one->spec.software == Software::rust; });
    };
    if (!rust.panics.empty() && !(rust.leader && is_rust(*rust.leader)))
      return host.spec.name + " panics under a C++ leader: " + rust.panics.front();
    for (const auto& [from, why] : rust.wedges)
      if (!is_rust(from)) return host.spec.name + " is wedged by a C++ member: " + why;
    shown.accident = true;
    ++counts_["raft: accidents of Rust members among themselves"];
    if (world.peaceful()) return std::nullopt;
    world.scheduler().after(0ns, [&world, id = host.id] { world.processes().crash(id); });
    world.scheduler().after(rust_comes_back, [&world, id = host.id] {
      if (!world.host(id).wanted) return;
      world.processes().boot(id);
      if (world.host(id).member) world.processes().join(id);
    });
    return std::nullopt;
  }

  // ---------------------------------------------------------------------------------------------- at rest

  [[nodiscard]] static const std::vector<Number>& values_of(const Host& host) {
    return host.program->machine()->machinery().values();
  }
  [[nodiscard]] static Broken disagree(const World& world) {
    const Host* first = nullptr;
    std::optional<ConsensusStatus> agreed;
    for (const auto& host : world.hosts()) {
      if (!host->program || !host->member || host->program->machine() == nullptr) continue;
      const auto status = host->program->machine()->consensus();
      if (!status || !status->leader || !status->online) return host->spec.name + " has no leader";
      if (status->applied != status->committed) return host->spec.name + " has not applied what it has committed";
      if (!agreed) {
        agreed = status;
        first = host.get();
        continue;
      }
      if (status->leader != agreed->leader) return host->spec.name + " follows another leader than " + first->spec.name;
      if (status->committed != agreed->committed)
        return host->spec.name + " has committed " + std::to_string(status->committed.value) + ", " + first->spec.name +
               " " + std::to_string(agreed->committed.value);
      if (values_of(*host) != values_of(*first))
        return host->spec.name + " shows other values than " + first->spec.name;
    }
    if (first == nullptr) return std::nullopt;
    std::vector<Number> values = values_of(*first);
    std::ranges::sort(values);
    if (std::ranges::adjacent_find(values) != values.end()) return "a command is in the log twice";
    return std::nullopt;
  }
  /// What calls were told and is no more: without a floor, or with one when too many have forgotten.
  void count_lost(const World& world) {
    for (const auto& host : world.hosts()) {
      if (!host->program || !host->member || host->program->machine() == nullptr) continue;
      const std::vector<Number>& values = values_of(*host);
      for (const auto& [at, number] : all_told_)
        if (at.value > values.size() || values[at.value - 1] != number) ++counts_["raft: committed, told and lost"];
      return;
    }
  }
  [[nodiscard]] Broken lost() const {
    if (!promised()) return std::nullopt;
    for (const auto& [at, number] : told_)
      if (at.value > history_.size() || history_[at.value - 1] != number)
        return std::to_string(number) + " was told to be committed at " + std::to_string(at.value) + " and is lost";
    return std::nullopt;
  }

  std::optional<Rng> rng_;
  bool over_ = false;
  bool mixed_ = false;      ///< Rust members take part
  bool floor_ = false;      ///< and all members keep to it
  bool durable_ = false;    ///< logs outlive their processes
  bool forgotten_ = false;  ///< somebody has lost its log
  bool rust_led_ = false;
  Mono last_bond_{};  ///< since when the mesh is as it is, while nothing happens
  std::uint64_t last_call_ = 0;
  Number last_number_ = 0;
  Index promised_;  ///< the newest place that a call was told
  std::map<std::uint64_t, CallRecord> calls_;
  std::map<HostId, Shown> shown_;
  std::map<Term, const Life*> leaders_;
  std::vector<Number> history_;
  std::vector<std::uint64_t> hashes_;
  std::map<Number, Index> places_;
  std::map<Index, Number> told_;
  std::vector<std::pair<Index, Number>> all_told_;
  std::set<Number> never_;
  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace

std::unique_ptr<Workload> make_calls() {
  return std::make_unique<Calls>();
}

}  // namespace mosaik::sim
