#include "machines/kv.hpp"

#include <algorithm>

namespace mosaik::command::kv {
namespace {

/// Takes up items until a page is full. The first one is always taken.
class PageRoom {
 public:
  explicit PageRoom(std::uint32_t limit) : items_(std::clamp<std::size_t>(limit, 1, page_items)) {}
  bool take(std::size_t bytes) {
    if (taken_ > 0 && (taken_ == items_ || bytes_ + bytes > page_bytes)) return false;
    ++taken_;
    bytes_ += bytes;
    return true;
  }

 private:
  std::size_t items_;
  std::size_t taken_ = 0;
  std::size_t bytes_ = 0;
};

bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= key_bytes;
}

}  // namespace

bool is_text(std::string_view bytes) {
  return postcard::decode<std::string>(postcard::encode(std::string(bytes))).has_value();
}

std::string objection_to_key(std::string_view key) {
  if (is_key(key)) return is_text(key) ? "" : "a key is UTF-8 text; this one is not";
  return "a key has 1 to " + std::to_string(key_bytes) + " bytes; this one has " + std::to_string(key.size());
}

std::string objection_to_value(std::size_t bytes) {
  if (bytes <= value_bytes) return {};
  return "a value has at most " + std::to_string(value_bytes) + " bytes; this one has " + std::to_string(bytes);
}

void Store::apply(const Command& command, const ApplyContext& context) {
  const std::uint64_t revision = context.index.value;
  const Outcome outcome = std::holds_alternative<Put>(command) ? put(std::get<Put>(command), revision)
                                                               : remove(std::get<Delete>(command), revision);
  if (outcome == Outcome::done) {
    newest_ = revision;
    return;
  }
  outcomes_.emplace_hint(outcomes_.end(), revision, outcome);
  if (outcomes_.size() > most_outcomes) outcomes_.erase(outcomes_.begin());
}

Outcome Store::put(const Put& put, std::uint64_t revision) {
  if (!is_key(put.key)) return Outcome::bad_key;
  if (put.value.size() > value_bytes) return Outcome::value_too_large;
  const auto found = held_.find(put.key);
  const std::size_t before = found == held_.end() ? 0 : put.key.size() + found->second.value.size();
  const std::size_t after = bytes_ - before + put.key.size() + put.value.size();
  if (after > store_bytes || (found == held_.end() && held_.size() >= most_keys)) return Outcome::full;
  std::uint64_t previous = 0;
  if (const auto gone = deleted_.find(put.key); gone != deleted_.end()) {
    previous = gone->second.revision;
    order_.erase(previous);
    deletions_.erase(previous);
    deleted_.erase(gone);
  }
  if (found != held_.end()) {
    previous = found->second.revision;
    order_.erase(previous);
    found->second = {put.value, revision, previous};
  } else {
    held_.emplace(put.key, Held{put.value, revision, previous});
  }
  order_.emplace_hint(order_.end(), revision, put.key);
  bytes_ = after;
  return Outcome::done;
}

Outcome Store::remove(const Delete& command, std::uint64_t revision) {
  if (!is_key(command.key)) return Outcome::bad_key;
  const auto found = held_.find(command.key);
  if (found == held_.end()) return Outcome::no_such_key;
  bytes_ -= command.key.size() + found->second.value.size();
  const std::uint64_t previous = found->second.revision;
  order_.erase(previous);
  held_.erase(found);
  deleted_.emplace(command.key, Deleted{revision, previous});
  deletions_.emplace_hint(deletions_.end(), revision, command.key);
  order_.emplace_hint(order_.end(), revision, command.key);
  if (deletions_.size() > most_deleted) {
    const auto oldest = deletions_.begin();
    forgotten_ = oldest->first;
    order_.erase(oldest->first);
    deleted_.erase(oldest->second);
    deletions_.erase(oldest);
  }
  return Outcome::done;
}

Answer Store::query(const Query& query) const {
  if (const auto* ask = std::get_if<Get>(&query)) return get(*ask);
  if (const auto* ask = std::get_if<List>(&query)) return list(*ask);
  if (const auto* ask = std::get_if<Changes>(&query)) return changes(*ask);
  if (const auto* ask = std::get_if<Follow>(&query)) return follow(*ask);
  return outcome(std::get<AskOutcome>(query));
}

Answer Store::get(const Get& get) const {
  const auto found = held_.find(get.key);
  if (found == held_.end()) return std::optional<Item>();
  return std::optional(Item{found->first, found->second.value, found->second.revision});
}

Answer Store::list(const List& list) const {
  Page page;
  PageRoom room(list.limit);
  const std::string& from = std::max(list.prefix, list.after);
  for (auto at = held_.lower_bound(from); at != held_.end() && at->first.starts_with(list.prefix); ++at) {
    if (!list.after.empty() && at->first <= list.after) continue;
    page.more = !room.take(at->first.size() + at->second.value.size());
    if (page.more) break;
    page.items.push_back({at->first, at->second.value, at->second.revision});
  }
  return page;
}

Answer Store::changes(const Changes& changes) const {
  Followed followed = follow({changes.prefix, changes.since, changes.limit});
  ChangePage page{.changes = {}, .seen = followed.seen, .more = followed.more, .gap = followed.gap};
  for (Step& step : followed.steps) page.changes.push_back({std::move(step.key), step.revision, std::move(step.value)});
  return page;
}

Followed Store::follow(const Follow& follow) const {
  Followed page;
  page.gap = follow.since < forgotten_;
  page.seen = std::max(newest_, follow.since);
  PageRoom room(follow.limit);
  for (auto at = order_.upper_bound(follow.since); at != order_.end(); ++at) {
    if (!at->second.starts_with(follow.prefix)) continue;
    const auto found = held_.find(at->second);
    const bool is_held = found != held_.end();
    page.more = !room.take(at->second.size() + (is_held ? found->second.value.size() : 0));
    if (page.more) break;
    const std::uint64_t previous = is_held ? found->second.previous : deleted_.at(at->second).previous;
    page.steps.push_back(
        {at->second, at->first, is_held ? std::optional(found->second.value) : std::nullopt, previous});
  }
  if (page.more) page.seen = page.steps.back().revision;
  return page;
}

Answer Store::outcome(const AskOutcome& ask) const {
  const auto found = outcomes_.find(ask.index);
  return found == outcomes_.end() ? Outcome::done : found->second;
}

}  // namespace mosaik::command::kv
