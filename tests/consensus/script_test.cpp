// Golden scripts: one engine, spoken to by hand. A script (tests/consensus/scripts/*.txt) alternates inputs and the
// actions that must follow, line by line; '#' begins a comment. Peers are named by one letter: the engine is `a`.
//
//   start rust=d floor=2 disk=yes        begins; nobody is bonded yet
//   synced 3                             the disk has everything up to this ticket
//   bond b | gone b proven|presumed|departed
//   wait 5s                              until then, through every deadline
//   b> VOTE term=R1 last=0:0             a message from a peer: VOTE, BALLOT, APPEND, ACK, FORWARD, PLACED
//   execute x | feed x | read weak|strong
//   => ...                               an action: role, leader, send, answer, apply; all that follow an input are
//   listed
//
// Terms are written R<round>.<letter of the slot's member>, L.<letter> (lone), or as plain numbers for Rust members.

#include <filesystem>
#include <fstream>
#include <sstream>

#include "consensus/cluster.hpp"

namespace mosaik::test {
namespace {

using namespace consensus;

class Script {
 public:
  /// Runs a script; returns it with the actions that really followed.
  std::string run(const std::string& source) {
    std::istringstream in(source);
    std::ostringstream out;
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("=>")) continue;
      out << line << '\n';
      if (line.empty() || line[0] == '#') continue;
      input(line);
      for (const std::string& action : actions()) out << "=> " << action << '\n';
    }
    return out.str();
  }

 private:
  static PeerId id(char name) { return ranked_id(static_cast<std::size_t>(name - 'a')); }
  static std::string name(const PeerId& peer) {
    for (char one = 'a'; one < 'g'; ++one)
      if (id(one) == peer) return {one};
    return "?";
  }
  static std::string show(Term term) {
    const std::uint64_t slot = term.value & ((1ULL << terms::slot_bits) - 1);
    for (char one = 'a'; one < 'g'; ++one) {
      if (slot == terms::slot_of(id(one))) return "R" + std::to_string(terms::round_of(term)) + "." + one;
      if (terms::is_lone(term) && slot == (terms::lone_bit | terms::slot_of(id(one)))) return std::string("L.") + one;
    }
    return std::to_string(term.value);
  }
  static Term term(const std::string& shown) {
    if (shown.starts_with("L.")) return {terms::lone_bit | terms::slot_of(id(shown[2]))};
    if (!shown.starts_with("R")) return {std::stoull(shown)};
    const auto dot = shown.find('.');
    return {std::stoull(shown.substr(1, dot - 1)) << terms::slot_bits | terms::slot_of(id(shown[dot + 1]))};
  }
  static std::string show(const Cursor& at) { return show(at.term) + ":" + std::to_string(at.index.value); }
  static Cursor cursor(const std::string& shown) {
    const auto colon = shown.rfind(':');
    return {term(shown.substr(0, colon)), {std::stoull(shown.substr(colon + 1))}};
  }
  static std::string show(const std::vector<Entry>& entries) {
    std::string out;
    for (const Entry& entry : entries) out += (out.empty() ? "" : ",") + show(entry.term) + "/" + text(entry.command);
    return "[" + out + "]";
  }
  static std::string show(const IndexRange& range) {
    return std::to_string(range.first.value) + ".." + std::to_string(range.last.value);
  }
  static std::string show(Vote vote) {
    return vote == Vote::granted ? "granted" : vote == Vote::denied ? "denied" : "abstained";
  }
  static std::string show(const Message& message) {
    if (const auto* m = std::get_if<AppendEntries>(&message))
      return "APPEND term=" + show(m->term) + " after=" + show(m->previous) + " entries=" + show(m->entries) +
             " commit=" + std::to_string(m->leader_commit.value);
    if (const auto* m = std::get_if<AppendEntriesResponse>(&message))
      return "ACK term=" + show(m->term) + " last=" + std::to_string(m->last_index.value) + " " + show(m->vote);
    if (const auto* m = std::get_if<RequestVote>(&message))
      return "VOTE term=" + show(m->term) + " last=" + show(m->last);
    if (const auto* m = std::get_if<RequestVoteResponse>(&message))
      return "BALLOT term=" + show(m->term) + " " + show(m->vote);
    if (const auto* m = std::get_if<ForwardCommand>(&message)) return "FORWARD " + std::to_string(m->commands.size());
    if (const auto* m = std::get_if<CommandAck>(&message)) return "PLACED " + show(m->assigned);
    if (const auto* m = std::get_if<FetchEntriesRequest>(&message)) return "FETCH " + show(m->range);
    if (const auto* m = std::get_if<FetchEntriesResponse>(&message))
      return "FETCHED " + show(m->range) + " " + show(m->entries);
    return "OTHER";
  }

  using Words = std::map<std::string, std::string>;
  static Words words(const std::string& line, std::vector<std::string>& plain) {
    Words out;
    std::istringstream in(line);
    for (std::string word; in >> word;) {
      const auto equals = word.find('=');
      if (equals == std::string::npos)
        plain.push_back(word);
      else
        out[word.substr(0, equals)] = word.substr(equals + 1);
    }
    return out;
  }
  static std::vector<Entry> entries(const std::string& list) {
    std::vector<Entry> out;
    std::istringstream in(list.substr(1, list.size() - 2));
    for (std::string one; std::getline(in, one, ',');)
      out.push_back({term(one.substr(0, one.find('/'))), text(one.substr(one.find('/') + 1))});
    return out;
  }
  static Vote vote(const std::vector<std::string>& plain) {
    return plain.back() == "granted" ? Vote::granted : plain.back() == "denied" ? Vote::denied : Vote::abstained;
  }

  Message message(char from, const std::string& line) {
    std::vector<std::string> plain;
    Words w = words(line, plain);
    const std::string& kind = plain.at(0);
    if (kind == "VOTE") return RequestVote{term(w["term"]), id(from), cursor(w["last"])};
    if (kind == "BALLOT") return RequestVoteResponse{term(w["term"]), vote(plain)};
    if (kind == "APPEND")
      return AppendEntries{
          term(w["term"]), id(from), cursor(w["after"]), entries(w["entries"]), {std::stoull(w["commit"])}};
    if (kind == "ACK") return AppendEntriesResponse{term(w["term"]), {std::stoull(w["last"])}, vote(plain)};
    if (kind == "FORWARD") return ForwardCommand{{text(plain.at(1))}, 7};
    EXPECT_EQ(kind, "FETCHED") << line;
    const auto list = entries(w["entries"]);
    const Index first{std::stoull(w["first"])};
    return FetchEntriesResponse{{first, first.plus(list.size() - 1)}, list};
  }

  void input(const std::string& line) {
    std::vector<std::string> plain;
    Words w = words(line, plain);
    const std::string& verb = plain.at(0);
    if (verb == "start") {
      Config config;
      config.self = id('a');
      config.election_jitter = 0ns;
      if (w.contains("floor")) config.quorum_floor = static_cast<std::uint32_t>(std::stoul(w["floor"]));
      if (w.contains("size")) config.group_size = static_cast<std::uint32_t>(std::stoul(w["size"]));
      if (w.contains("disk")) config.store = Store::durable;
      rust_ = w["rust"];
      engine_ = std::make_unique<Engine>(config, pool_, Rng(1), now());
    } else if (verb == "bond") {
      engine_->on_bonded(now(), id(plain[1][0]),
                         {.cpp = rust_.find(plain[1]) == std::string::npos, .floor = std::nullopt});
    } else if (verb == "gone") {
      const Loss loss = plain[2] == "proven" ? Loss::proven : plain[2] == "departed" ? Loss::departed : Loss::presumed;
      engine_->on_gone(now(), id(plain[1][0]), loss, Survivors::clique);
    } else if (verb == "synced") {
      engine_->on_persisted(now(), {std::stoull(plain[1])});
    } else if (verb == "wait") {
      wait(std::chrono::milliseconds(std::stoll(plain[1])));
    } else if (verb == "execute" || verb == "feed") {
      const Until until = verb == "feed" ? Until::assigned : Until::committed;
      engine_->call(now(), {++calls_}, Execute{{text(plain[1])}, until}, now_ + 10s);
    } else if (verb == "read") {
      engine_->call(now(), {++calls_}, Query{text("?"), plain[1] == "weak" ? Consistency::weak : Consistency::strong},
                    now_ + 10s);
    } else {
      ASSERT_EQ(verb.substr(1), ">") << line;
      std::vector<std::uint8_t> bytes;
      encode(message(line[0], line.substr(2)), bytes);
      ASSERT_TRUE(engine_->on_message(now(), id(line[0]), Blob::copy(bytes)));
    }
    engine_->settle(now());
  }
  void wait(Nanoseconds time) {
    const Mono end = now_ + time;
    while (engine_->next_deadline() <= end) {
      now_ = std::max(now_, engine_->next_deadline());
      engine_->on_timer(now());
      engine_->settle(now());
    }
    now_ = end;
  }

  std::vector<std::string> actions() {
    std::vector<std::string> out;
    for (const Action& action : engine_->take_actions()) {
      if (const auto* one = std::get_if<Send>(&action)) {
        const auto message = decode(Blob::copy(one->frame.payload().subspan(1)));
        const std::string when =
            one->after == Ticket{} ? "" : " (once " + std::to_string(one->after.value) + " is durable)";
        out.push_back("to " + name(one->peer) + " " + show(*message) + when);
      }
      if (const auto* one = std::get_if<Apply>(&action)) {
        std::string commands;
        for (const Blob& command : one->commands) commands += " " + text(command);
        out.push_back("apply" + commands);
        engine_->on_applied(now(), one->epoch, one->before.index.plus(one->commands.size()));
      }
      if (const auto* one = std::get_if<Persist>(&action))
        out.push_back("persist " + std::to_string(one->ticket.value) + ": term " + show(one->term) + ", vote " +
                      (one->ballot ? name(one->ballot->candidate) : "-") + ", behind " +
                      std::to_string(one->keep.value) + " " + show(one->entries));
      if (std::holds_alternative<Reset>(action)) out.emplace_back("reset the machine");
      if (const auto* one = std::get_if<AskMachine>(&action))
        out.push_back("ask the machine at " + std::to_string(one->position.value));
      if (const auto* one = std::get_if<Answer>(&action))
        out.push_back("answer " + std::to_string(one->call.value) + " " + show(one->outcome));
      if (const auto* one = std::get_if<consensus::Event>(&action)) show_event(*one, out);
    }
    return out;
  }
  static std::string show(const Outcome& outcome) {
    if (const auto* one = std::get_if<Assigned>(&outcome)) return "placed " + show(one->range);
    if (const auto* one = std::get_if<Committed>(&outcome)) return "committed " + show(one->range);
    if (const auto* one = std::get_if<NotApplied>(&outcome)) return "not applied: " + std::string(to_string(one->why));
    if (const auto* one = std::get_if<Unknown>(&outcome)) return "unknown: " + std::string(to_string(one->why));
    return "read";
  }
  static void show_event(const consensus::Event& event, std::vector<std::string>& out) {
    if (const auto* one = std::get_if<RoleChanged>(&event))
      out.push_back(std::string(to_string(one->role)) + " in " + show(one->term));
    if (const auto* one = std::get_if<Diverged>(&event))
      out.push_back("diverged: had committed " + std::to_string(one->committed.value));
    if (const auto* one = std::get_if<Overwritten>(&event)) out.push_back("overwritten " + show(one->range));
  }

  [[nodiscard]] Now now() const { return {now_, Boot(now_.time_since_epoch()), Wall{1}}; }
  FramePool pool_;
  std::unique_ptr<Engine> engine_;
  Mono now_{1s};
  std::string rust_;
  std::uint64_t calls_ = 0;
};

class GoldenScript : public testing::TestWithParam<std::string> {};

TEST_P(GoldenScript, gives_exactly_these_effects) {
  const std::filesystem::path path =
      std::filesystem::path(MOSAIK_TEST_VECTORS).parent_path() / "consensus/scripts" / (GetParam() + ".txt");
  std::ifstream file(path);
  const std::string source{std::istreambuf_iterator<char>(file), {}};
  ASSERT_FALSE(source.empty()) << path;
  const std::string really = Script().run(source);
  EXPECT_EQ(really, source);
  if (std::getenv("MOSAIK_REWRITE_SCRIPTS") != nullptr) std::ofstream(path) << really;
}

INSTANTIATE_TEST_SUITE_P(Scripts, GoldenScript,
                         testing::Values("election", "outvoted_waits", "deposed_is_told", "abstention_and_floor",
                                         "old_term_entries", "conflicting_tail", "committed_is_never_cut",
                                         "rust_repair", "rust_doubtful", "lone_beginner_yields", "overwritten",
                                         "read_confirmation", "durable_first", "one_leader_a_term"),
                         [](const auto& one) { return one.param; });

}  // namespace
}  // namespace mosaik::test
