#include "runtime/machine_executor.hpp"

#include <atomic>
#include <chrono>
#include <exception>
#include <string>
#include <thread>

#include "posix/thread.hpp"
#include "runtime/mailbox.hpp"

namespace mosaik::runtime {
namespace {

constexpr int late_most = 3;

}  // namespace

/// The machine, its thread, and the way to them. Shared, because the thread may be in the user's code when the room
/// ends.
class MachineExecutor::Apart : public std::enable_shared_from_this<Apart> {
 public:
  Apart(std::unique_ptr<Machine> machine, const GroupId& group, const NetworkId& network, std::shared_ptr<Inbox> inbox,
        MachineDone done)
      : machine_(std::move(machine)),
        group_(group),
        network_(network),
        inbox_(std::move(inbox)),
        done_(std::move(done)) {}

  Result<> start() {
    auto thread = start_thread("mosaik-machine", [self = shared_from_this()] { self->loop(); });
    if (!thread) return std::unexpected(thread.error());
    thread->detach();
    return {};
  }

  void push(MachineWork work) { work_.push(std::move(work)); }
  void wake() {
    signal_.fetch_add(1);
    signal_.notify_one();
  }
  void end() {
    ended_.store(true);
    wake();
  }

  [[nodiscard]] bool runs_in_line() const noexcept { return machine_->runs_in_line(); }

  void run(MachineWork& work, std::vector<MachineResult>& results) {
    if (failed_) return;
    // A machine written by hand may throw anywhere; that is the end of its group and of nothing else.
    std::string why;
    try {
      return std::visit([&](auto& one) { run_one(one, results); }, work);
    } catch (const std::exception& error) {
      why = std::string("the machine threw: ") + error.what();
    } catch (...) {
      why = "the machine threw";
    }
    if (const auto* ask = std::get_if<consensus::AskMachine>(&work))
      return static_cast<void>(results.emplace_back(MachineAnswered{ask->id, fail(Errc::internal, std::move(why))}));
    failed_ = true;
    results.emplace_back(MachineFailed{std::move(why)});
  }

 private:
  void run_one(const consensus::Apply& apply, std::vector<MachineResult>& results) {
    std::vector<BytesView> commands;
    commands.reserve(apply.commands.size());
    for (const Blob& command : apply.commands) commands.push_back(command.view());
    const ApplyContext context{.index = apply.before.index.next(),
                               .term = apply.term,
                               .committed = apply.before,
                               .log_position = apply.log_position,
                               .group = group_,
                               .network = network_};
    if (const auto done = machine_->apply(commands, context); !done) {
      failed_ = true;
      results.emplace_back(MachineFailed{done.error().message});
      return;
    }
    results.emplace_back(MachineApplied{apply.epoch, apply.before.index.plus(apply.commands.size())});
  }
  void run_one(const consensus::Reset&, std::vector<MachineResult>&) { machine_->reset(); }
  void run_one(const consensus::AskMachine& ask, std::vector<MachineResult>& results) {
    auto answer = machine_->query(ask.query.view());
    results.emplace_back(MachineAnswered{
        ask.id, answer ? Result<Blob>(Blob::take(std::move(*answer))) : std::unexpected(answer.error())});
  }

  void loop() {
    for (std::uint64_t seen = 0; !ended_.load();) {
      std::vector<MachineWork> todo = work_.drain();
      if (todo.empty()) {
        signal_.wait(seen);
        seen = signal_.load();
        continue;
      }
      std::vector<MachineResult> results;
      for (MachineWork& work : todo) {
        if (ended_.load()) return;
        run(work, results);
      }
      if (results.empty()) continue;
      // On the loop, where rooms end: what a room has done that is closed by then is not for the next one of its group.
      inbox_->post([self = shared_from_this(), results = std::move(results)](RequestDispatcher* dispatcher) mutable {
        if (dispatcher != nullptr && !self->ended_.load()) self->done_(self->group_, std::move(results));
      });
    }
  }

  std::unique_ptr<Machine> machine_;
  GroupId group_;
  NetworkId network_;
  std::shared_ptr<Inbox> inbox_;
  MachineDone done_;
  Mailbox<MachineWork> work_;
  std::atomic<std::uint64_t> signal_ = 0;
  std::atomic<bool> ended_ = false;
  bool failed_ = false;  // of whoever runs the machine
};

Result<std::unique_ptr<MachineExecutor>> MachineExecutor::open(std::unique_ptr<Machine> machine, const GroupId& group,
                                                               const NetworkId& network, std::shared_ptr<Inbox> inbox,
                                                               MachineDone done) {
  auto apart = std::make_shared<Apart>(std::move(machine), group, network, std::move(inbox), std::move(done));
  std::unique_ptr<MachineExecutor> out(new MachineExecutor(apart));
  out->in_line_ = apart->runs_in_line();
  if (!out->in_line_)
    if (auto started = apart->start(); !started) return std::unexpected(started.error());
  return out;
}

MachineExecutor::~MachineExecutor() {
  apart_->end();
}

std::vector<MachineResult> MachineExecutor::put(MachineWork work) {
  std::vector<MachineResult> results;
  if (!in_line_) {
    apart_->push(std::move(work));
    handed_over_ = true;
    return results;
  }
  const auto begun = std::chrono::steady_clock::now();
  apart_->run(work, results);
  if (std::chrono::steady_clock::now() - begun > in_line_budget && ++late_ == late_most) {
    // All work so far is done, so the thread begins where the loop ended. Without a thread it stays where it is.
    in_line_ = !apart_->start();
    if (!in_line_)
      warning_ = "a machine that runs in line took longer than 200 us three times; it has a thread of its own now";
  }
  return results;
}

void MachineExecutor::flush() {
  if (std::exchange(handed_over_, false)) apart_->wake();
}

}  // namespace mosaik::runtime
