#include "demo/demo_node.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

namespace mosaik::command {
namespace {

struct Pipe {
  Descriptor read;
  Descriptor write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail(Errc::io, "can not make a pipe: " + std::generic_category().message(errno));
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

/// Waits for the end of a child of ours, by its descriptor. False: it still runs after `limit`, or the kernel has no
/// such descriptors.
bool ends_within(pid_t pid, std::chrono::milliseconds limit) {
  const Descriptor child(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!child) return false;
  const DemoClock::time_point deadline = DemoClock::now() + limit;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - DemoClock::now());
    pollfd ended{child.get(), POLLIN, 0};
    const int got = ::poll(&ended, 1, static_cast<int>(std::max(left, std::chrono::milliseconds(0)).count()));
    if (got > 0 || (got < 0 && errno != EINTR)) return got > 0;
    if (left <= std::chrono::milliseconds(0)) return false;
  }
}

/// The caller's environment without settings of ours, and the secret, which must not be seen among the arguments.
std::vector<std::string> environment_with(const std::string& secret) {
  std::vector<std::string> out{"MOSAIK_GROUP_SECRET=" + secret};
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (!std::string_view(*entry).starts_with("MOSAIK_")) out.emplace_back(*entry);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

struct Launch {
  std::vector<char*> arguments;
  std::vector<char*> environment;
  int input;
  int output;
  int log;
  pid_t parent;
};

/// In the child: only what is safe between fork and exec.
[[noreturn]] void become_node(const Launch& launch) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a demo that is killed leaves no nodes behind
  if (::getppid() != launch.parent) ::_exit(1);
  ::setpgid(0, 0);  // Ctrl-C is for the demo, which then ends its nodes
  ::signal(SIGPIPE, SIG_DFL);
  const bool wired = ::dup2(launch.input, STDIN_FILENO) >= 0 && ::dup2(launch.output, STDOUT_FILENO) >= 0 &&
                     ::dup2(launch.log, STDERR_FILENO) >= 0;
  if (wired) ::execve("/proc/self/exe", launch.arguments.data(), launch.environment.data());
  ::_exit(127);
}

}  // namespace

DemoNode::~DemoNode() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string DemoNode::file(const char* ending) const {
  return fmt::format("{}/{}.{}", ground_->directory, number_, ending);
}

Result<> DemoNode::start(const std::string& contact) {
  Result<Pipe> input = make_pipe();
  if (!input) return std::unexpected(input.error());
  Result<Pipe> output = make_pipe();
  if (!output) return std::unexpected(output.error());
  const Descriptor log(::open(file("log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  std::vector<std::string> arguments = {"mosaik",
                                        "node",
                                        "--json",
                                        "--commands",
                                        "--network",
                                        "mosaik-demo",
                                        "--name",
                                        fmt::format("demo-{}", number_),
                                        "--listen",
                                        "127.0.0.1:0",
                                        "--control",
                                        file("sock"),
                                        "--secret-key-file",
                                        file("key"),
                                        "--machine",
                                        "counter",
                                        "--bootstrap-delay",
                                        "300ms",
                                        "--election-timeout",
                                        "1s",
                                        "--election-jitter",
                                        "250ms"};
  if (!contact.empty()) arguments.insert(arguments.end(), {"--bootstrap", contact});
  std::vector<std::string> environment = environment_with(ground_->secret);
  const Launch launch{pointers(arguments), pointers(environment), input->read.get(), output->write.get(), log.get(),
                      ::getpid()};
  const pid_t pid = ::fork();
  if (pid < 0) return fail(Errc::io, "can not start a process: " + std::generic_category().message(errno));
  if (pid == 0) become_node(launch);
  pid_ = pid;
  input_pipe_ = std::move(input->write);
  output_pipe_ = std::move(output->read);
  output_.emplace(output_pipe_.get());
  bonds_.clear();
  losses_.clear();
  contact_.clear();
  leader_ = {};
  replies_.clear();
  state_ = State::starting;
  return {};
}

void DemoNode::send_signal(int number) {
  if (pid_ > 0) ::kill(pid_, number);
}

void DemoNode::say(std::string_view command) {
  if (input_pipe_) static_cast<void>(write_line(input_pipe_.get(), command, -1));
}

void DemoNode::take_lines() {
  if (!output_) return;
  const bool open = output_->fill();
  while (const std::optional<std::string> text = output_->next())
    if (const Result<control::json::Line> line = control::json::read_line(*text)) on_line(*line);
  if (open) return;
  output_.reset();
  bonds_.clear();
  leader_ = {};
}

void DemoNode::on_line(const control::json::Line& line) {
  if (line.event == "ready") {
    id_ = line.id;
    contact_ = line.contact;
    control_ = line.control;
    state_ = State::up;
  } else if (line.event == "bonds") {
    bonds_.clear();
    for (const control::json::BondName& bond : line.bonds) bonds_.insert(bond.peer);
  } else if (line.event == "bond_down") {
    losses_[line.peer] = {DemoClock::now(), line.by, line.text};
  } else if (line.event == "leader") {
    leader_ = line.id;
  } else if (line.event == "reply") {
    replies_.push_back({DemoClock::now(), line.tag, line.ok, line.text, line.kind_of_error});
  }
}

const DemoNode::Loss* DemoNode::loss_of(const PeerId& peer) const {
  const auto found = losses_.find(peer);
  return found == losses_.end() ? nullptr : &found->second;
}

int DemoNode::reap(std::chrono::milliseconds limit) {
  if (pid_ <= 0) return 0;
  if (!ends_within(pid_, limit)) ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  output_.reset();
  bonds_.clear();
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string DemoNode::last_log_line() const {
  std::ifstream log(file("log"));
  std::string last;
  for (std::string line; std::getline(log, line);)
    if (!line.empty()) last = line;
  return last;
}

}  // namespace mosaik::command
