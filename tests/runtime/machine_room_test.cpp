// A machine on a thread of its own, and what of its work still counts when its room has ended.

#include "runtime/machine_executor.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <latch>

#include "runtime/a_dispatcher.hpp"

namespace mosaik::runtime {
namespace {

struct Gates {
  std::latch asked{1};
  std::latch may{1};
};

/// Answers a query when it may.
class Waiting final : public Machine {
 public:
  explicit Waiting(std::shared_ptr<Gates> gates) : gates_(std::move(gates)) {}
  Result<> apply(std::span<const BytesView>, const ApplyContext&) override { return {}; }
  Result<std::vector<std::uint8_t>> query(BytesView) override {
    gates_->asked.count_down();
    gates_->may.wait();
    return std::vector<std::uint8_t>{7};
  }
  void reset() override {}
  Digest signature() const override { return Digest::of("waiting"); }
  std::string rust_type() const override { return {}; }

 private:
  std::shared_ptr<Gates> gates_;
};

struct ARoom : testing::Test {
  ARoom() {
    inbox->adopt();
    room = MachineExecutor::open(std::make_unique<Waiting>(gates), GroupId{}, NetworkId{}, inbox,
                                 [this](const GroupId&, std::vector<MachineResult> more) {
                                   for (MachineResult& one : more) collected.push_back(std::move(one));
                                 })
               .value();
    EXPECT_TRUE(room->put(consensus::AskMachine{{1}, Blob::copy({}), {}}).empty()) << "it waits for nobody";
    room->flush();
    gates->asked.wait();
  }
  /// What the machine's thread has posted, once it has.
  std::vector<MachineResult> done() {
    pollfd ready{inbox->wake_fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&ready, 1, 30'000), 1);
    for (Request& request : inbox->take()) request(a_dispatcher());
    return std::move(collected);
  }
  std::shared_ptr<Gates> gates = std::make_shared<Gates>();
  std::shared_ptr<Inbox> inbox = Inbox::open().value();
  std::vector<MachineResult> collected;
  std::unique_ptr<MachineExecutor> room;
};

TEST_F(ARoom, gives_its_results_to_the_loop) {
  gates->may.count_down();
  const auto results = done();
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(std::get<MachineAnswered>(results.front()).query, consensus::QueryId{1});
}

// The group may be joined again by then, with a machine and queries of its own.
TEST_F(ARoom, that_has_ended_gives_nothing_to_the_next_one_of_its_group) {
  room.reset();
  gates->may.count_down();
  EXPECT_TRUE(done().empty());
}

}  // namespace
}  // namespace mosaik::runtime
