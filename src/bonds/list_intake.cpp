#include "bonds/list_intake.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace mosaik::bonds {

bool ListIntake::may_verify(Mono now) noexcept {
  if (now >= turn_ + limits::list_pause || now < turn_) {
    turn_ = now;
    in_turn_ = 0;
  }
  return in_turn_ < limits::list_verify_step && rate_.ready(now);
}

void ListIntake::spend(Mono now, std::uint64_t signatures) noexcept {
  in_turn_ += signatures;
  rate_.spend(now, signatures);
}

std::optional<ListIntake::Read> ListIntake::read(const Now& now, std::span<const BytesView> list,
                                                 identity::Verifier& verifier) {
  Read out;
  for (const BytesView bytes : list) {
    if (identity::EntryRef known = verifier.find(bytes)) {
      out.entries.push_back(std::move(known));
      continue;
    }
    if (!may_verify(now.mono)) {
      out.rest.emplace_back(bytes.begin(), bytes.end());
      continue;
    }
    const auto entry = verifier.verify(bytes);
    spend(now.mono, 1);
    if (!entry) return std::nullopt;
    out.entries.push_back(*entry);
  }
  return out;
}

void ListIntake::keep(const PeerId& from, std::vector<Bytes> rest) {
  forget(from);
  std::size_t size = 0;
  for (Bytes& bytes : rest) {
    if (bytes_ + size + bytes.size() > limits::list_bytes || size + bytes.size() > limits::handshake_frame) break;
    size += bytes.size();
    kept_[from].push_back(std::move(bytes));
  }
  bytes_ += size;
}

void ListIntake::forget(const PeerId& from) {
  const auto found = kept_.find(from);
  if (found == kept_.end()) return;
  for (const Bytes& bytes : found->second) bytes_ -= bytes.size();
  kept_.erase(found);
}

std::vector<ListIntake::Heard> ListIntake::take(const Now& now, identity::Verifier& verifier) {
  std::vector<Heard> out;
  while (!kept_.empty() && may_verify(now.mono)) {
    auto next = kept_.upper_bound(last_);
    if (next == kept_.end()) next = kept_.begin();
    last_ = next->first;
    const Bytes bytes = std::move(next->second.front());
    next->second.pop_front();
    bytes_ -= bytes.size();
    if (next->second.empty()) kept_.erase(next);
    const std::uint64_t before = verifier.verifications();
    const auto entry = verifier.verify(BytesView(bytes));
    // What was verified since it came costs no signature, but a look.
    spend(now.mono, std::max<std::uint64_t>(verifier.verifications() - before, 1));
    out.push_back({last_, entry ? *entry : identity::EntryRef{}});
    if (!entry) forget(last_);
  }
  return out;
}

Mono ListIntake::next_deadline() const noexcept {
  return kept_.empty() ? never : std::max(turn_ + limits::list_pause, rate_.ready_at());
}

std::vector<PeerId> ListIntake::kept_of() const {
  std::vector<PeerId> out;
  for (const auto& [from, list] : kept_) out.push_back(from);
  return out;
}

void ListIntake::check_invariants() const {
  std::size_t bytes = 0;
  for (const auto& [from, list] : kept_) {
    // An empty list has no turn: the others would wait behind it.
    MOSAIK_ASSERT(!list.empty());
    for (const Bytes& entry : list) bytes += entry.size();
  }
  // The counter is what bounds the memory that peers can make us keep.
  MOSAIK_ASSERT(bytes == bytes_ && bytes_ <= limits::list_bytes);
}

}  // namespace mosaik::bonds
