#include "consensus/dynamic/machine_feed.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "consensus/dynamic/checks.hpp"

namespace mosaik::consensus {

bool MachineFeed::has_room() const noexcept {
  return handed_.since(done_) < limits::applying_commands &&
         log_.bytes_through(handed_) - log_.bytes_through(done_) < limits::applying_bytes;
}

std::optional<Apply> MachineFeed::next_run() {
  if (handed_ >= log_.committed() || !has_room()) return std::nullopt;
  const Term term = log_.at(handed_.next()).term;
  Apply out{epoch_, {*log_.term_at(handed_), handed_}, log_.last(), term, {}};
  std::size_t bytes = 0;
  for (Index index = handed_.next(); index <= log_.committed(); index = index.next()) {
    const Entry& entry = log_.at(index);
    if (entry.term != term || out.commands.size() >= limits::apply_commands) break;
    bytes += entry.command.size();
    if (!out.commands.empty() && bytes > limits::apply_bytes) break;
    out.commands.push_back(entry.command);
  }
  MOSAIK_ASSERT(!out.commands.empty());  // an empty run would be handed over again and again
  handed_ = handed_.plus(out.commands.size());
  running_.push_back(handed_);
  return out;
}

void MachineFeed::on_applied(Epoch epoch, Index index) {
  if (epoch != epoch_) return;
  applied_ = std::max(applied_, std::min(index, handed_));
  for (; !running_.empty() && running_.front() <= applied_; running_.pop_front()) done_ = running_.front();
}

bool MachineFeed::may_ask(Index position, std::size_t bytes) const noexcept {
  if (position > handed_) return false;
  if (asked_.empty()) return true;
  return asked_.size() < limits::asking && asked_bytes_ + bytes <= limits::asking_bytes;
}

void MachineFeed::on_asked(QueryId query, std::size_t bytes) {
  MOSAIK_ASSERT(!asked_.contains(query));  // its first answer would be taken for the second
  asked_.emplace(query, bytes);
  asked_bytes_ += bytes;
}

void MachineFeed::on_answered(QueryId query) {
  if (const auto asked = asked_.extract(query)) asked_bytes_ -= asked.mapped();
}

void MachineFeed::start_over() noexcept {
  handed_ = applied_ = done_ = log_.committed();
  running_.clear();
}

Reset MachineFeed::reset() noexcept {
  ++epoch_.value;
  return Reset{epoch_};
}

void MachineFeed::check_invariants() const {
  // Protects the machine: it applies what it was handed, and it was handed only what is committed.
  MOSAIK_ASSERT(done_ <= applied_ && applied_ <= handed_ && handed_ <= log_.committed());
  // Protects the flow of commands: a run that is lost would take room for ever, and the machine would stand still.
  MOSAIK_ASSERT(running_.empty() ? done_ == handed_ : running_.back() == handed_ && done_ < running_.front());
  // Protects the flow of queries, in the same way.
  MOSAIK_ASSERT(asked_.size() <= limits::asking && (asked_.empty() ? asked_bytes_ == 0 : true));
  if (asked_.size() > checked_sum) return;
  std::size_t bytes = 0;
  for (const auto& [query, size] : asked_) bytes += size;
  MOSAIK_ASSERT(bytes == asked_bytes_);
}

}  // namespace mosaik::consensus
