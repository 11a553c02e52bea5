#include "consensus/dynamic/call_table.hpp"

#include <algorithm>

#include "base/overloaded.hpp"
#include "consensus/dynamic/checks.hpp"

namespace mosaik::consensus {

std::size_t bytes_to_keep(const std::vector<Blob>& commands) noexcept {
  return total_bytes(commands) + commands.size() * sizeof(Blob);
}

void CallTable::enter_indexes(CallId id, OpenCall& call) {
  std::visit(overloaded{[&](const OpenCall::Waiting&) { waiting_.insert(id); },
                        [&](const OpenCall::Forwarded& state) { forwarded_.emplace(state.request, id); },
                        [&](const OpenCall::Appended& state) { appended_.emplace(state.range.last, id); }},
             call.state);
  deadlines_.emplace(call.ends_at, id);
  call.kept = bytes_to_keep(call.commands);
  kept_.take(call.kept);
  kept_bytes_ += call.kept;
}

void CallTable::leave_indexes(CallId id, OpenCall& call) noexcept {
  std::visit(overloaded{[&](const OpenCall::Waiting&) { waiting_.erase(id); },
                        [&](const OpenCall::Forwarded& state) { forwarded_.erase(state.request); },
                        [&](const OpenCall::Appended& state) {
                          const auto [first, last] = appended_.equal_range(state.range.last);
                          const auto at =
                              std::ranges::find(first, last, id, [](const auto& item) { return item.second; });
                          if (at != last) appended_.erase(at);
                        }},
             call.state);
  deadlines_.erase({call.ends_at, id});
  kept_.give_back(call.kept);
  kept_bytes_ -= std::exchange(call.kept, 0);
}

void CallTable::insert(CallId id, OpenCall call) {
  // An id that runs twice would end one call with the outcome of the other.
  MOSAIK_ASSERT(!calls_.contains(id));
  enter_indexes(id, calls_.emplace(id, std::move(call)).first->second);
}

OpenCall CallTable::extract(CallId id) {
  auto found = calls_.extract(id);
  MOSAIK_ASSERT(found);
  leave_indexes(id, found.mapped());
  return std::move(found.mapped());
}

std::optional<CallId> CallTable::first() const {
  return calls_.empty() ? std::nullopt : std::optional(calls_.begin()->first);
}

std::optional<CallId> CallTable::first_waiting() const {
  return waiting_.empty() ? std::nullopt : std::optional(*waiting_.begin());
}

std::optional<CallId> CallTable::first_appended() const {
  return appended_.empty() ? std::nullopt : std::optional(appended_.begin()->second);
}

std::optional<CallId> CallTable::first_due(Mono now) const {
  return next_deadline() <= now && !deadlines_.empty() ? std::optional(deadlines_.begin()->second) : std::nullopt;
}

std::optional<CallId> CallTable::forwarded(ForwardId request) const {
  const auto found = forwarded_.find(request);
  return found == forwarded_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<CallId> CallTable::all_forwarded() const {
  std::vector<CallId> out;
  for (const auto& [request, id] : forwarded_) out.push_back(id);
  return out;
}

void CallTable::check_invariants() const {
  // Protects callers: a call without a deadline would hang, and one that no index finds would wait for it in vain.
  MOSAIK_ASSERT(deadlines_.size() == calls_.size());
  MOSAIK_ASSERT(waiting_.size() + forwarded_.size() + appended_.size() == calls_.size());
  if (calls_.size() > checked_sum) return;
  // Protects all later callers: bytes that no call keeps would be missing from the budget for ever.
  std::size_t bytes = 0;
  for (const auto& [id, call] : calls_) bytes += bytes_to_keep(call.commands);
  MOSAIK_ASSERT(bytes == kept_bytes_);
}

}  // namespace mosaik::consensus
