#include <mosaik/control.hpp>

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include <mosaik/consensus/replicated_group.hpp>
#include <mosaik/types/bytes.hpp>

#include "control/server.hpp"

namespace mosaik {
namespace {

using control::Call;
using control::CallAnswer;
using control::CallDone;

constexpr std::chrono::seconds patience{1};  ///< with a node that does not come to answer

std::string random_name() {
  std::array<std::uint8_t, 4> random{};
  static_cast<void>(::getrandom(random.data(), random.size(), 0));  // so few bytes come whole, whatever signals do
  return to_hex(random);
}

/// A Network as the server sees it.
class NetworkSource final : public control::Source {
 public:
  NetworkSource(NetworkRef network, std::chrono::nanoseconds leave_wait)
      : network_(std::move(network)), leave_wait_(leave_wait) {}

  std::shared_ptr<const NodeStatus> status() override { return std::make_shared<NodeStatus>(network_.status()); }
  std::shared_ptr<const NodeStatus> fresh_status() override {
    return std::make_shared<NodeStatus>(network_.fresh_status(patience));
  }
  Subscription subscribe(std::function<void(const Event&)> call) override {
    return network_.subscribe(std::move(call));
  }
  Subscription trace(TraceFilter filter, std::function<void(const TraceRecord&)> call) override {
    return network_.trace(std::move(filter), std::move(call));
  }
  void leave() override { static_cast<void>(network_.leave(leave_wait_)); }
  Result<> forget_at_once(const PeerId& peer) override {
    const std::optional<Result<>> answer = network_.forget(peer).get_for(patience);
    return answer ? *answer : fail(Errc::timed_out, "the node does not come to answer");
  }
  void warn(const std::string& text) override { network_.notify(text); }
  std::shared_ptr<void> call(Call call, CallDone done) override;

 private:
  /// Names a history; the next run of the node begins with another one.
  [[nodiscard]] static std::string history_of(const std::string& run, std::uint64_t start_overs) {
    return run + "." + std::to_string(start_overs);
  }
  /// How often the member had started over in a history that history_of() named; empty without a name. A name of
  /// another run is none of the member's present history, whatever that is.
  [[nodiscard]] std::optional<std::uint64_t> start_overs_of(std::string_view history) const;
  std::shared_ptr<void> wait_committed(const MachineRef& machine, const Call& call, CallDone done) const;

  NetworkRef network_;
  std::chrono::nanoseconds leave_wait_;
  std::string run_ = random_name();  ///< names this run
};

std::optional<std::uint64_t> NetworkSource::start_overs_of(std::string_view history) const {
  if (history.empty()) return std::nullopt;
  constexpr auto another = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t count = another;
  std::from_chars(history.data() + std::min(run_.size() + 1, history.size()), history.data() + history.size(), count);
  return history == history_of(run_, count) ? count : another;
}

std::shared_ptr<void> NetworkSource::call(Call call, CallDone done) {
  const Result<MachineRef> machine = network_.machine(call.group);
  if (!machine) return done(std::unexpected(machine.error())), nullptr;
  const CallOptions options{.time = call.time};
  switch (call.kind) {
    case Call::Kind::committed: return wait_committed(*machine, call, std::move(done));
    case Call::Kind::query:
      machine->query_bytes(
          std::move(call.bytes), call.consistency, options,
          [done = std::move(done), run = run_](Result<Answered<MachineRef::Bytes>> answer) mutable {
            if (!answer) return done(std::unexpected(answer.error()));
            done(CallAnswer{answer->position, std::move(answer->result), history_of(run, answer->history)});
          });
      return nullptr;
    case Call::Kind::execute:
      machine->execute_bytes(std::move(call.bytes), options, [done = std::move(done)](Result<Index> index) mutable {
        if (!index) return done(std::unexpected(index.error()));
        done(CallAnswer{*index, {}, {}});
      });
      return nullptr;
  }
  return nullptr;
}

std::shared_ptr<void> NetworkSource::wait_committed(const MachineRef& machine, const Call& call, CallDone done) const {
  auto end = [done = std::move(done), run = run_](Result<ConsensusStatus> status) mutable {
    if (!status) return done(std::unexpected(status.error()));
    done(CallAnswer{status->committed, {}, history_of(run, status->diverged)});
  };
  return std::make_shared<Subscription>(
      machine.when_committed(call.beyond, start_overs_of(call.history), std::move(end)));
}

}  // namespace

struct ControlServer::Body {
  NetworkSource source;  // it outlives the server
  std::unique_ptr<control::Server> server = nullptr;
};

Result<ControlServer> ControlServer::open(const Network& network, const ControlConfig& config) {
  auto body = std::make_unique<Body>(NetworkSource(network.ref(), config.leave_wait));
  auto server = control::Server::open(config.path, body->source, config.start);
  if (!server) return std::unexpected(server.error());
  body->server = std::move(*server);
  return ControlServer(std::move(body));
}

ControlServer::ControlServer(std::unique_ptr<Body> body) noexcept : body_(std::move(body)) {}
ControlServer::ControlServer(ControlServer&&) noexcept = default;
ControlServer& ControlServer::operator=(ControlServer&&) noexcept = default;
ControlServer::~ControlServer() = default;

void ControlServer::answer() {
  body_->server->answer();
}

std::string control_library_versions() {
  return "Boost " MOSAIK_BOOST "\n";
}

}  // namespace mosaik
