#include "process/restart_policy.hpp"

#include <signal.h>

#include <algorithm>
#include <utility>

namespace mosaik::command {

bool is_crash(int signal) noexcept {
  return signal == SIGABRT || signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE;
}

std::optional<RestartPolicy::Delay> RestartPolicy::on_crash(Time now) noexcept {
  Time& oldest = earlier_[count_ % earlier_.size()];
  const bool loops = count_ >= earlier_.size() && now - oldest < window;
  oldest = now;
  ++count_;
  if (loops) return std::nullopt;
  if (now - started_ >= window) delay_ = shortest_delay;
  return std::exchange(delay_, std::min(delay_ * 2, longest_delay));
}

}  // namespace mosaik::command
