#include "demo/demo_counter.hpp"

#include <algorithm>
#include <utility>

namespace mosaik::command {
namespace {

constexpr std::chrono::milliseconds retry_pause{1};  ///< after an add that was refused: there is no leader

}  // namespace

void DemoCounter::begin(DemoNode& node) {
  node_ = &node;
  counting_ = true;
  last_ = DemoClock::now();
  pause_ = {};
  static_cast<void>(node.take_replies());  // what was asked before is not ours
  add();
}

void DemoCounter::add() {
  asked_ = true;
  node_->say(R"({"cmd":"add","n":1,"tag":"count"})");
}

void DemoCounter::on_reply(const DemoNode::Reply& reply) {
  asked_ = false;
  if (!reply.error.empty()) {
    if (reply.code == "unknown_outcome") ++doubtful_;
    again_at_ = reply.at + retry_pause;
    return;
  }
  ++acknowledged_;
  pause_ = std::max<std::chrono::nanoseconds>(pause_, reply.at - last_);
  last_ = reply.at;
}

void DemoCounter::pump() {
  if (!counting_ && !asked_) return;
  for (const DemoNode::Reply& reply : node_->take_replies())
    if (reply.tag == "\"count\"") on_reply(reply);
  if (counting_ && !asked_ && DemoClock::now() >= again_at_) add();
}

DemoClock::time_point DemoCounter::next_due() const noexcept {
  return counting_ && !asked_ ? again_at_ : DemoClock::time_point::max();
}

bool DemoCounter::explains(std::int64_t value) const noexcept {
  return std::cmp_greater_equal(value, acknowledged_) && std::cmp_less_equal(value, acknowledged_ + doubtful_);
}

}  // namespace mosaik::command
