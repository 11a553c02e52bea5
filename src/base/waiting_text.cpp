#include "base/waiting_text.hpp"

namespace mosaik {
namespace {

std::string seconds(std::chrono::nanoseconds time) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
}

}  // namespace

std::string_view to_string(Waiting waiting) noexcept {
  switch (waiting) {
    case Waiting::nothing: return "nothing";
    case Waiting::election: return "election";
    case Waiting::company: return "company";
    case Waiting::floor: return "floor";
    case Waiting::history: return "history";
    case Waiting::catching_up: return "catching_up";
  }
  return "nothing";
}

std::string waiting_text(Waiting what, std::chrono::nanoseconds at_most, std::uint32_t connected,
                         std::uint32_t wanted) {
  const std::string some = std::to_string(connected) + " of " + std::to_string(wanted) + " members ";
  switch (what) {
    case Waiting::nothing: return {};
    case Waiting::election: return "no leader yet: an election is under way";
    case Waiting::company:
      return some + "are connected: this side waits for the others, and goes on without them in " + seconds(at_most);
    case Waiting::floor:
      return some +
             "that the quorum floor asks for are connected: nothing is committed until more of them are, however "
             "long that takes; start them";
    case Waiting::history:
      if (at_most == std::chrono::nanoseconds{})
        return "members that have committed more deny this one their vote, and none of them leads: start those again "
               "that have stopped, or end them all to begin anew without what they had";
      return "this member lacks what it was told to be committed: it waits for a member that has it, " +
             seconds(at_most) + " at most";
    case Waiting::catching_up: return "catching up with the leader";
  }
  return {};
}

std::string waiting_text(const ConsensusStatus& status) {
  return waiting_text(status.waiting, status.waits_for, status.connected,
                      status.waiting == Waiting::floor ? status.quorum_floor : status.group_size);
}

}  // namespace mosaik
