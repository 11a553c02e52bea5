#include "api/outcomes.hpp"

#include "base/limits.hpp"

namespace mosaik::api {
namespace {

/// What was asked for, and so what a refusal has to say of it.
enum class Asked : std::uint8_t { write, read };

/// What offline calls have waited for, as far as that can be told without the sizes.
std::string wait_of(const consensus::NotApplied& refused) {
  const auto left = std::to_string(std::chrono::ceil<std::chrono::seconds>(refused.waits_for).count()) + " s";
  switch (refused.waiting) {
    case Waiting::company:
      return "less than half of the group is connected, and this side goes on without the others in " + left;
    case Waiting::floor: return "fewer members than the quorum floor are connected, start more of them";
    case Waiting::history:
      if (refused.waits_for == std::chrono::nanoseconds{})
        return "members that have committed more deny theirs, and none of them leads; 'mosaik status' says what to do";
      return "a member that has all that is committed is waited for, " + left + " at most";
    case Waiting::election: return "an election is under way";
    default: return "'mosaik status' says what is waited for";
  }
}

std::string stopped_text(const std::string& because) {
  return because.empty() ? "the group was left" : "the machine of this member failed (" + because + ")";
}

Error not_applied(const consensus::NotApplied& refused, Asked asked) {
  using Why = consensus::Refusal;
  const Why why = refused.why;
  const std::string unchanged = asked == Asked::write ? "; nothing was applied" : "";
  switch (why) {
    case Why::offline:
      return {Errc::offline,
              "no leader of the group was found within the time of the call: " + wait_of(refused) + unchanged};
    case Why::empty: return {Errc::invalid_argument, "a call needs at least one command"};
    case Why::too_large:
      static_assert(limits::command_bytes == limits::call_bytes && limits::query_bytes == limits::call_bytes);
      return {Errc::limit, "a call may have " + std::to_string(limits::call_commands) + " commands and " +
                               std::to_string(limits::call_bytes) + " bytes, and this one has more; split it"};
    case Why::full:
      return {Errc::limit, "too many calls are under way" + unchanged + "; try again when some have ended"};
    case Why::log_full:
      return {Errc::limit,
              "the log of this group's leader is full, or this member has put into it what leaves as much for others; "
              "deleting does not make it smaller, a larger limit does (with_log_limit, --log-limit)" +
                  unchanged};
    case Why::overwritten:
      return {Errc::overwritten, "another leader took the command's place; it was not applied, try again"};
    case Why::expired:
      return {Errc::timed_out, asked == Asked::write ? "the deadline passed before anything was done" + unchanged
                                                     : "the deadline passed before an answer came; try again"};
    case Why::stopped: return {Errc::closed, stopped_text(refused.because) + unchanged};
    case Why::closed: return {Errc::closed, "the network is closed"};
  }
  return {Errc::internal, "the call was refused for a reason without a name"};
}

Error unknown(const consensus::Unknown& doubt) {
  using Why = consensus::Doubt;
  std::string text = "nobody can tell whether the command was applied: ";
  switch (doubt.why) {
    case Why::expired: text += "the deadline passed while it was on its way"; break;
    case Why::leader_lost: text += "its leader vanished before it told the place"; break;
    case Why::partial: text += "some commands of the call were applied and others were not"; break;
    case Why::diverged: text += "this member had to give up its history"; break;
    case Why::unfounded: text += "fewer members than the quorum floor were connected when it was committed"; break;
    case Why::stopped: text += stopped_text(doubt.because) + ", meanwhile"; break;
  }
  return {Errc::unknown_outcome, std::move(text)};
}

/// Why the outcome is none that was hoped for.
Error error_of(const consensus::Outcome& outcome, Asked asked) {
  if (const auto* refused = std::get_if<consensus::NotApplied>(&outcome)) return not_applied(*refused, asked);
  if (const auto* doubt = std::get_if<consensus::Unknown>(&outcome)) return unknown(*doubt);
  if (const auto* failed = std::get_if<consensus::QueryFailed>(&outcome)) return failed->error;
  return {Errc::internal, "the call ended in an unexpected way"};
}

}  // namespace

Result<IndexRange> range_of(const consensus::Outcome& outcome) {
  if (const auto* committed = std::get_if<consensus::Committed>(&outcome)) return committed->range;
  if (const auto* assigned = std::get_if<consensus::Assigned>(&outcome)) return assigned->range;
  return std::unexpected(error_of(outcome, Asked::write));
}

Result<Index> place_of(const consensus::Outcome& outcome) {
  const auto range = range_of(outcome);
  return range ? Result<Index>(range->first) : std::unexpected(range.error());
}

Result<Answered<std::vector<std::uint8_t>>> answer_of(const consensus::Outcome& outcome) {
  if (const auto* read = std::get_if<consensus::Read>(&outcome)) {
    const BytesView view = read->result.view();
    return Answered<std::vector<std::uint8_t>>{{view.begin(), view.end()}, read->position, read->history};
  }
  return std::unexpected(error_of(outcome, Asked::read));
}

}  // namespace mosaik::api
