// What a commit costs: three members, commands of 256 bytes, so many under way at a time. The client's calls complete
// on the loop (callbacks) or on another thread (futures). Beside it the floor: the same bytes sent over plain UDP to
// two others, and the first of their answers back, which is what any quorum of three has to wait for.
//
//   commit                        all members in this process
//   commit --processes            the two others are processes of their own
//   commit --failover [RUNS]      three processes; SIGKILL of the leader to the next command committed elsewhere
//   commit --catch-up [ENTRIES]   a member that comes when so many are committed, until it has them all
//   commit --quick FIGURE         commit: commands a second with 16 under way; commit-latency: the median of one by
//   one;
//                                 in half a second, and the beginning before it
//   commit --count FIGURE [TIMES] its work on one thread, in made-up time, so that its instructions can be counted

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <deque>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include <mosaik/mosaik.hpp>

#include "bench/end.hpp"
#include "bench/lockstep.hpp"

namespace {

using namespace mosaik;
using Clock = std::chrono::steady_clock;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;

constexpr std::size_t payload = 256;
constexpr int repetitions = 5;
constexpr std::array<std::size_t, 3> windows = {1, 16, 64};

/// Counts the bytes that it has been given.
struct Bytes {
  struct Blob {
    std::vector<std::uint8_t> bytes;
  };
  using Command = Blob;
  using Query = std::monostate;
  using QueryResult = std::uint64_t;
  static constexpr bool runs_in_line = true;
  static Digest signature() { return Digest::of("bench_bytes_v1"); }
  void apply(const Command& command, const ApplyContext&) { count += command.bytes.size(); }
  [[nodiscard]] QueryResult query(const Query&) const { return count; }
  std::uint64_t count = 0;
};

double microseconds(Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

// ------------------------------------------------------------------------------------------------ figures

struct Turn {
  double p50 = 0, p99 = 0, a_second = 0;
  double cpu = 0;  ///< of this process, microseconds a command
};
double cpu_microseconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) {
    return 1e6 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec);
  };
  return of(used.ru_utime) + of(used.ru_stime);
}
Turn turn_of(std::vector<double> samples, double seconds) {
  std::ranges::sort(samples);
  return {samples[samples.size() / 2], samples[samples.size() * 99 / 100],
          static_cast<double>(samples.size()) / seconds};
}
void print_head(const char* what) {
  std::printf("%-52s %10s %10s %10s\n", what, "min", "median", "max");
}
void print_row(const std::string& what, std::vector<double> values, const char* unit) {
  std::ranges::sort(values);
  std::printf("%-52s %10.1f %10.1f %10.1f  %s\n", what.c_str(), values.front(), values[values.size() / 2],
              values.back(), unit);
  std::fflush(stdout);
}
void print_turns(const std::string& what, const std::vector<Turn>& turns) {
  std::vector<double> p50, p99, a_second, cpu;
  for (const Turn& turn : turns) {
    p50.push_back(turn.p50);
    p99.push_back(turn.p99);
    a_second.push_back(turn.a_second / 1000);
    cpu.push_back(turn.cpu);
  }
  print_row(what + ", p50", p50, "us");
  print_row(what + ", p99", p99, "us");
  print_row(what, a_second, "k/s");
  if (turns.front().cpu > 0) print_row(what + ", CPU of this process", cpu, "us a command");
}

// ------------------------------------------------------------------------------------------------ members

struct Member {
  Network network;
  GroupOf<Bytes> group;
};

/// The beginning is not what is measured.
constexpr ConsensusConfig usual{.election_timeout = 500ms, .bootstrap_delay = 500ms};
constexpr ConsensusConfig hasty{.election_timeout = 150ms, .election_timeout_jitter = 50ms, .bootstrap_delay = 0ms};

Member join(const std::string& name, const std::vector<std::string>& bootstrap, Preference preference,
            const ConsensusConfig& consensus = usual) {
  NetworkConfig config;
  config.network = name;
  config.listen = {"127.0.0.1:0"};
  config.bootstrap = bootstrap;
  Network network = Network::open(config).value();
  auto builder = network.groups().with_key(GroupKey::from_secret("bench secret")).with_state_machine(Bytes{});
  builder.with_consensus(consensus).with_preference(preference).with_quorum_floor(2);
  auto group = builder.join().value();
  return {std::move(network), GroupOf<Bytes>(std::move(group))};
}
std::string run_name() {
  static int number = 0;
  return "bench-commit-" + std::to_string(getpid()) + "-" + std::to_string(++number);
}
/// Bonded and led; returns the leader.
PeerId settle(const Member& member, std::size_t size) {
  static_cast<void>(member.group.when().bonds_reach(size - 1).get());
  static_cast<void>(member.group.when().online().get());
  return member.group.consensus().leader.value_or(PeerId{});
}

/// A member in a process of its own, which ends with this one.
class Elsewhere {
 public:
  Elsewhere(const std::string& name, const std::string& bootstrap, Preference preference) {
    int hold[2];
    int tell[2];
    if (pipe(hold) != 0 || pipe(tell) != 0) std::exit(1);
    const std::string wish = std::to_string(static_cast<int>(preference));
    const char* const arguments[] = {"commit", "--member", name.c_str(), bootstrap.c_str(), wish.c_str(), nullptr};
    process_ = fork();
    if (process_ == 0) {
      dup2(hold[0], 0);
      dup2(tell[1], 1);
      for (const int end : {hold[0], hold[1], tell[0], tell[1]}) close(end);
      execv("/proc/self/exe", const_cast<char* const*>(arguments));
      _exit(1);
    }
    close(hold[0]);
    close(tell[1]);
    hold_ = hold[1];
    std::string said(64, ' ');
    for (std::size_t at = 0; at < said.size();) {
      const ssize_t got = read(tell[0], said.data() + at, said.size() - at);
      if (got <= 0) break;
      at += static_cast<std::size_t>(got);
    }
    close(tell[0]);
    id_ = PeerId::from_hex(said).value_or(PeerId{});
  }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;
  ~Elsewhere() {
    strike();
    waitpid(process_, nullptr, 0);
    close(hold_);
  }
  void strike() const { kill(process_, SIGKILL); }
  [[nodiscard]] const PeerId& id() const noexcept { return id_; }

 private:
  pid_t process_ = -1;
  int hold_ = -1;
  PeerId id_;
};

/// What a process started by Elsewhere does: it is a member until nobody holds the pipe any more.
int be_member(char** arguments) {
  const Member member = join(arguments[0], {arguments[1]}, static_cast<Preference>(std::atoi(arguments[2])));
  const std::string id = member.network.id().hex();
  char byte = 0;
  if (write(1, id.data(), id.size()) < 0) return 1;
  while (read(0, &byte, 1) > 0) {
  }
  _exit(0);  // no goodbye: the run is over
}

// ------------------------------------------------------------------------------------------------ the floor

/// A bare UDP socket on loopback, without any option.
class Plain {
 public:
  Plain() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address_), size) != 0) std::exit(1);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &size);
  }
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;
  ~Plain() { close(fd_); }
  void send(const sockaddr_in& to, std::size_t size) const {
    const std::array<std::uint8_t, payload> bytes{};
    sendto(fd_, bytes.data(), size, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  /// Sleeps in poll() until something has come; its size, and who sent it.
  std::size_t receive(sockaddr_in& from) const {
    std::array<std::uint8_t, 2048> buffer{};
    pollfd ready{fd_, POLLIN, 0};
    if (poll(&ready, 1, 5000) <= 0) std::exit(1);  // who measures is gone
    socklen_t size = sizeof from;
    const ssize_t got = recvfrom(fd_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    return got < 0 ? 0 : static_cast<std::size_t>(got);
  }
  [[nodiscard]] const sockaddr_in& address() const { return address_; }

 private:
  int fd_;
  sockaddr_in address_{};
};

/// Sends back what comes, until that is one byte.
void echo(const Plain& socket) {
  sockaddr_in from{};
  for (std::size_t size = 0; size != 1;) {
    size = socket.receive(from);
    socket.send(from, size);
  }
}

/// Two echoes, each asleep in poll() on a thread or in a process of its own, and the first answer of the two.
std::vector<Turn> measure_floor(bool processes) {
  const std::array<Plain, 2> others;
  const Plain own;
  std::vector<std::jthread> threads;
  std::vector<pid_t> children;
  for (const Plain& socket : others) {
    if (!processes) {
      threads.emplace_back([&socket] { echo(socket); });
      continue;
    }
    children.push_back(fork());
    if (children.back() != 0) continue;
    echo(socket);
    _exit(0);
  }
  sockaddr_in from{};
  std::vector<Turn> out;
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    std::vector<double> samples;
    const auto begin = Clock::now();
    for (int i = 0; i < 4000; ++i) {
      const auto sent = Clock::now();
      for (const Plain& socket : others) own.send(socket.address(), payload);
      static_cast<void>(own.receive(from));
      samples.push_back(microseconds(Clock::now() - sent));
      static_cast<void>(own.receive(from));
    }
    out.push_back(turn_of(std::move(samples), microseconds(Clock::now() - begin) / 1e6));
  }
  for (const Plain& socket : others) own.send(socket.address(), 1);
  for (const pid_t child : children) waitpid(child, nullptr, 0);
  return out;
}

/// The same over links, as between members: encrypted, acknowledged, framed.
std::vector<Turn> measure_link_floor() {
  bench::End one(bench::echo_frames);
  bench::End other(bench::echo_frames);
  std::vector<LinkId> links;
  std::size_t answers = 0;
  bench::End own([&](bench::End&, const LinkEvent& event) {
    if (const auto* opened = std::get_if<LinkOpened>(&event)) links.push_back(opened->link);
    if (std::holds_alternative<LinkFrame>(event)) ++answers;
  });
  const bench::Background running_one(one);
  const bench::Background running_other(other);
  for (const bench::End* end : {&one, &other})
    static_cast<void>(own.endpoint.dial(runtime::read_clock(),
                                        {.peer = end->id(), .addresses = {end->address()}, .alpn = Alpn::groups}));
  while (links.size() < 2) own.step();
  std::vector<Turn> out;
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    std::vector<double> samples;
    const auto begin = Clock::now();
    for (int i = 0; i < 4000; ++i) {
      const auto sent = Clock::now();
      const Frame frame = own.pool.make(std::array<std::uint8_t, payload>{});
      for (const LinkId link : links) static_cast<void>(own.endpoint.send(link, SendClass::consensus, frame));
      answers = 0;
      while (answers == 0) own.step();
      samples.push_back(microseconds(Clock::now() - sent));
      while (answers < 2) own.step();
    }
    out.push_back(turn_of(std::move(samples), microseconds(Clock::now() - begin) / 1e6));
  }
  return out;
}

// ------------------------------------------------------------------------------------------------ commits

/// Callbacks on the loop: each completed call begins the next.
class OnLoop {
 public:
  OnLoop(const GroupOf<Bytes>& group, std::size_t count) : group_(group), count_(count), done_(1) {}
  Turn run(std::size_t window) {
    samples_.reserve(count_);
    begin_ = Clock::now();
    for (std::size_t i = 0; i < window; ++i) next();
    done_.wait();
    return turn_of(samples_, microseconds(end_ - begin_) / 1e6);
  }

 private:
  // The first calls are begun by another thread while the loop may complete one already.
  void next() {
    if (begun_.fetch_add(1) >= count_) return;
    group_.execute(command_, {.on_loop = true}, [this, at = Clock::now()](const Result<Index>& index) {
      if (!index) std::fprintf(stderr, "commit: %s\n", index.error().message.c_str());
      end_ = Clock::now();
      samples_.push_back(microseconds(end_ - at));
      next();
      if (samples_.size() == count_) done_.count_down();
    });
  }

  const GroupOf<Bytes>& group_;
  std::size_t count_;
  Bytes::Blob command_{std::vector<std::uint8_t>(payload, 0x5A)};
  std::vector<double> samples_;
  std::atomic<std::size_t> begun_ = 0;
  Clock::time_point begin_, end_;
  std::latch done_;
};

/// Futures, awaited in order by the thread that begins the calls: the crate's benchmark.
Turn from_thread(const GroupOf<Bytes>& group, std::size_t window, std::size_t count) {
  const Bytes::Blob command{std::vector<std::uint8_t>(payload, 0x5A)};
  std::deque<std::pair<Clock::time_point, Future<Result<Index>>>> pending;
  std::vector<double> samples;
  const auto take = [&] {
    const auto& [at, future] = pending.front();
    if (const auto& index = future.get(); !index) std::fprintf(stderr, "commit: %s\n", index.error().message.c_str());
    samples.push_back(microseconds(Clock::now() - at));
    pending.pop_front();
  };
  const auto begin = Clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    pending.emplace_back(Clock::now(), group.execute(command));
    if (pending.size() >= window) take();
  }
  while (!pending.empty()) take();
  return turn_of(std::move(samples), microseconds(Clock::now() - begin) / 1e6);
}

void measure(const Member& leader) {
  for (const bool on_loop : {true, false}) {
    for (const std::size_t window : windows) {
      std::vector<Turn> turns;
      const std::size_t count = window == 1 ? 4000 : 40000;
      for (int i = 0; i < repetitions + 1; ++i) {
        const double before = cpu_microseconds();
        Turn turn = on_loop ? OnLoop(leader.group, count).run(window) : from_thread(leader.group, window, count);
        turn.cpu = (cpu_microseconds() - before) / static_cast<double>(count);
        if (i > 0) turns.push_back(turn);  // the first one warms up
      }
      print_turns((on_loop ? "callbacks on the loop, window " : "futures, window ") + std::to_string(window), turns);
    }
  }
}

int commit(bool processes) {
  print_head(processes ? "three members, a process each" : "three members in one process");
  print_turns("floor: first of two echoes over UDP", measure_floor(processes));
  if (!processes) print_turns("floor: first of two echoes over links", measure_link_floor());
  const std::string name = run_name();
  const Member leader = join(name, {}, Preference::normal);
  std::vector<Member> members;
  std::deque<Elsewhere> others;
  for (int i = 0; i < 2; ++i) {
    if (processes)
      others.emplace_back(name, leader.network.contact(), Preference::reluctant);
    else
      members.push_back(join(name, {leader.network.contact()}, Preference::reluctant));
  }
  if (settle(leader, 3) != leader.network.id()) {
    std::fprintf(stderr, "another member leads; run it again\n");
    return 1;
  }
  measure(leader);
  return 0;
}

// ------------------------------------------------------------------------------------------------ failover, catch-up

/// From the SIGKILL of the leader to the next command that is committed by who is left, in milliseconds; empty when
/// this process leads.
std::optional<double> fail_over() {
  const std::string name = run_name();
  const Member here = join(name, {}, Preference::normal);
  const Elsewhere one(name, here.network.contact(), Preference::normal);
  const Elsewhere other(name, here.network.contact(), Preference::normal);
  const PeerId leader = settle(here, 3);
  if (leader != one.id() && leader != other.id()) return std::nullopt;
  const Bytes::Blob command{std::vector<std::uint8_t>(payload, 0x5A)};
  for (int i = 0; i < 100; ++i) static_cast<void>(here.group.execute(command).get());
  std::this_thread::sleep_for(1s);  // the topology has told all of all
  const auto at = Clock::now();
  (leader == one.id() ? one : other).strike();
  while (!here.group.execute(command, {.time = 200ms}).get())
    if (Clock::now() - at > 20s) return std::nullopt;
  return microseconds(Clock::now() - at) / 1000;
}

int failover(int runs) {
  std::vector<double> times;
  for (int left = 6 * runs; left > 0 && std::ssize(times) < runs; --left)
    if (const auto took = fail_over()) times.push_back(*took);
  if (times.empty()) return 1;
  print_head("three processes");
  print_row("SIGKILL of the leader to the next commit (goal 10)", times, "ms");
  return 0;
}

int catch_up(std::size_t entries) {
  const std::string name = run_name();
  const Member first = join(name, {}, Preference::normal);
  const Member second = join(name, {first.network.contact()}, Preference::reluctant);
  static_cast<void>(settle(first, 2));
  const std::vector<Bytes::Blob> many(1000, Bytes::Blob{std::vector<std::uint8_t>(payload, 0x5A)});
  for (std::size_t i = 0; i < entries; i += many.size()) static_cast<void>(first.group.execute_many(many).get());
  const auto begin = Clock::now();
  const Member late = join(name, {first.network.contact()}, Preference::reluctant);
  static_cast<void>(late.group.when().committed().reaches(Index{entries}).get());
  const double took = microseconds(Clock::now() - begin) / 1000;
  print_head("a late member");
  print_row(std::to_string(entries) + " entries of 256 bytes (goal 5000)", {took}, "ms");
  return took < 5000 ? 0 : 1;
}

// ------------------------------------------------------------------------------------------------ short forms

/// Three members in this process, this one leads; empty when another one does.
std::optional<std::array<Member, 3>> hasty_group() {
  const std::string name = run_name();
  Member first = join(name, {}, Preference::normal, hasty);
  const std::vector<std::string> bootstrap{first.network.contact()};
  Member second = join(name, bootstrap, Preference::reluctant, hasty);
  Member third = join(name, bootstrap, Preference::reluctant, hasty);
  if (settle(first, 3) != first.network.id()) return std::nullopt;
  return std::array<Member, 3>{std::move(first), std::move(second), std::move(third)};
}

int quick(const std::string& figure) {
  constexpr int tries = 5;
  const bool one_by_one = figure == "commit-latency";
  if (!one_by_one && figure != "commit") return 64;
  for (int i = 0; i < tries; ++i) {
    const auto members = hasty_group();
    if (!members) continue;
    const GroupOf<Bytes>& group = members->front().group;
    static_cast<void>(from_thread(group, 16, 1000));  // warms up
    const Turn turn = from_thread(group, one_by_one ? 1 : 16, one_by_one ? 3000 : 20'000);
    if (one_by_one)
      std::printf("%s %.4f us\n", figure.c_str(), turn.p50);
    else
      std::printf("%s %.2f /s\n", figure.c_str(), turn.a_second);
    return 0;
  }
  std::fprintf(stderr, "commit: another member led in %d runs\n", tries);
  return 1;
}

int count_work(const std::string& figure, std::size_t times) {
  const bool one_by_one = figure == "commit-latency";
  if (!one_by_one && figure != "commit") return 64;
  bench::Lockstep nodes(3, 0);
  node::MachineSpec machine;
  machine.signature = Bytes::signature();
  machine.quorum_floor = 2;
  nodes.join(hasty, machine);
  nodes.run_until([&] { return nodes.is_meshed() && nodes.leader(); });
  const std::size_t leader = *nodes.leader();
  const Blob command = Blob::copy(std::vector<std::uint8_t>(payload, 0x5A));
  const std::size_t window = one_by_one ? 1 : 16;
  const std::size_t whole = (one_by_one ? 500 : 2000) * times;
  std::size_t begun = 0;
  while (nodes.answered() < whole) {
    while (begun < whole && begun < nodes.answered() + window) {
      nodes.execute(leader, command);
      ++begun;
    }
    const std::size_t before = nodes.answered();
    nodes.run_until([&] { return nodes.answered() > before || nodes.answered() >= whole; });
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string what = count > 1 ? arguments[1] : "";
  const int number = count > 2 ? std::atoi(arguments[2]) : 0;
  if (what == "--member" && count == 5) return be_member(arguments + 2);
  if (what == "--processes") return commit(true);
  if (what == "--failover") return failover(number > 0 ? number : 5);
  if (what == "--catch-up") return catch_up(number > 0 ? static_cast<std::size_t>(number) : 100'000);
  if (what.empty()) return commit(false);
  const std::string figure = count > 2 ? arguments[2] : "";
  int status = 64;
  if (what == "--quick") status = quick(figure);
  if (what == "--count") status = count_work(figure, count > 3 ? std::strtoul(arguments[3], nullptr, 10) : 1);
  if (status == 64)
    std::fprintf(stderr,
                 "usage: commit [--processes | --failover [RUNS] | --catch-up [ENTRIES] |\n"
                 "               --quick (commit | commit-latency) | --count (commit | commit-latency) [TIMES]]\n");
  return status;
}
