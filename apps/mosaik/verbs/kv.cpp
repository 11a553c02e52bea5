#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>
#include <system_error>

#include "client/group_call.hpp"
#include "control/json_text.hpp"
#include "machines/kv.hpp"
#include "settings/exit_code.hpp"
#include "verbs/verbs.hpp"
#include "view/output.hpp"

namespace mosaik::command {
namespace {

using control::json::Array;
using control::json::Object;

std::string_view text_of(const kv::Bytes& value) {
  return {reinterpret_cast<const char*>(value.data()), value.size()};
}

/// Adds a value: as text, and in hexadecimal besides when it is none (JSON would not carry it).
void add_value(Object& out, const kv::Bytes& value) {
  const std::string_view text = text_of(value);
  out.add("value", text);
  if (!kv::is_text(text)) out.add("value_hex", std::string_view(to_hex(value)));
}

Object item_json(const kv::Item& item) {
  Object out;
  out.add("key", std::string_view(item.key));
  add_value(out, item.value);
  out.add("revision", item.revision);
  return out;
}

bool is_json(const KvOptions& options) {
  return options.call.client.output == Output::json;
}

int say(const std::string& text) {
  return print(text + "\n") ? exit_fine : exit_failure;
}

/// The answer's case T. Errors: malformed.
template <class T>
Result<GroupCaller::Read<T>> ask(const GroupCaller& group, const kv::Query& query,
                                 std::optional<Consistency> consistency = {}) {
  auto read = consistency ? group.query<kv::Answer>(query, *consistency) : group.query<kv::Answer>(query);
  if (!read) return std::unexpected(read.error());
  T* const result = std::get_if<T>(&read->result);
  if (result == nullptr) return fail(Errc::malformed, "the node answers another question");
  return GroupCaller::Read<T>{std::move(*result), read->position, std::move(read->history)};
}

/// What the committed command at `at` did: the log takes every command, the store does not.
Result<kv::Outcome> outcome_of(const GroupCaller& group, Index at) {
  const kv::Query query = kv::AskOutcome{at.value};
  auto read = ask<kv::Outcome>(group, query, Consistency::weak);
  if (read && read->position < at) read = ask<kv::Outcome>(group, query, Consistency::strong);
  if (read) return read->result;
  return fail(Errc::unknown_outcome,
              fmt::format("committed at {}, but what it did could not be asked: {}", at.value, read.error().message));
}

Error refusal(kv::Outcome outcome, const std::string& key) {
  switch (outcome) {
    case kv::Outcome::no_such_key: return {Errc::not_found, fmt::format("there is no key '{}'", key)};
    case kv::Outcome::full:
      return {Errc::limit,
              fmt::format("the store is full ({} keys, {} bytes); delete something", kv::most_keys, kv::store_bytes)};
    default: return {Errc::limit, fmt::format("the key '{}' or its value is too long", key)};
  }
}

int report_refusal(kv::Outcome outcome, const std::string& key) {
  const int code = report(refusal(outcome, key));
  return outcome == kv::Outcome::no_such_key ? exit_no_such_key : code;
}

/// What standard input has, and a byte more than fits at most. Errors: io; what a broken disk or a directory gives is
/// no value.
Result<kv::Bytes> read_value() {
  kv::Bytes value(kv::value_bytes + 1, 0);
  std::size_t size = 0;
  while (size < value.size()) {
    const ssize_t got = ::read(STDIN_FILENO, value.data() + size, value.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return fail(Errc::io, fmt::format("can not read standard input: {}; nothing was put",
                                        std::generic_category().message(errno)));
    }
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  value.resize(size);
  return value;
}

/// Executes a change of a key and tells where it was committed.
int change(const KvOptions& options, const GroupCaller& group, const kv::Command& command, std::string_view did) {
  const Result<Index> at = group.execute(command);
  if (!at) return report(at.error());
  const Result<kv::Outcome> outcome = outcome_of(group, *at);
  if (!outcome) return report(outcome.error());
  if (*outcome != kv::Outcome::done) return report_refusal(*outcome, options.key);
  if (!is_json(options)) return say(fmt::format("{} at {}", did, at->value));
  return say(Object().add("key", std::string_view(options.key)).add("revision", at->value).str());
}

int get(const KvOptions& options, const GroupCaller& group) {
  const auto read = ask<std::optional<kv::Item>>(group, kv::Get{options.key});
  if (!read) return report(read.error());
  if (!read->result) return report_refusal(kv::Outcome::no_such_key, options.key);
  if (options.raw) return print(text_of(read->result->value)) ? exit_fine : exit_failure;
  return say(is_json(options) ? item_json(*read->result).str() : std::string(text_of(read->result->value)));
}

int put(const KvOptions& options, const GroupCaller& group) {
  kv::Bytes value(options.value.begin(), options.value.end());
  if (options.value == "-") {
    Result<kv::Bytes> read = read_value();
    if (!read) return report(read.error());
    value = std::move(*read);
  }
  if (const std::string objection = kv::objection_to_value(value.size()); !objection.empty())
    return report({Errc::invalid_argument, objection});
  return change(options, group, kv::Put{options.key, std::move(value)}, "put");
}

int list(const KvOptions& options, const GroupCaller& group) {
  const Style style = Style::of(stdout);
  Table table({"KEY", "REVISION", "VALUE"});
  Array items;
  kv::List query{.prefix = options.key, .after = {}, .limit = kv::page_items};
  for (bool more = true; more;) {
    const auto read = ask<kv::Page>(group, query);
    if (!read) return report(read.error());
    for (const kv::Item& item : read->result.items) {
      if (is_json(options))
        items.raw(item_json(item).str());
      else
        table.add({one_line(item.key), std::to_string(item.revision), one_line(text_of(item.value))});
      query.after = item.key;
    }
    more = read->result.more;
  }
  if (is_json(options)) return say(Object().raw("items", items.str()).str());
  return print(table.text(style)) ? exit_fine : exit_failure;
}

std::string change_text(const KvOptions& options, const kv::Step& step) {
  if (is_json(options)) {
    Object out;
    out.add("key", std::string_view(step.key)).add("revision", step.revision).add("deleted", !step.value);
    if (step.value) add_value(out, *step.value);
    return out.str();
  }
  const std::string place = fmt::format("{:>8}  {}", step.revision, one_line(step.key));
  return step.value ? place + " = " + one_line(text_of(*step.value)) : place + "  deleted";
}

/// A line of a watch that is about the watch itself: no row of a key begins with a letter, no change has this name.
std::string remark_text(const KvOptions& options, std::string_view name, std::string_view text) {
  return is_json(options) ? Object().add(name, true).add("note", text).str() : std::string(text);
}

/// Follows the keys of the member that it asks, and says what it could not follow.
class Watch {
 public:
  Watch(const KvOptions& options, const GroupCaller& group) : options_(options), group_(group) {}

  int run() {
    const auto now = ask<std::optional<kv::Item>>(group_, kv::Get{"-"}, Consistency::weak);
    if (!now) return report(now.error());
    since_ = now->position.value;
    history_ = now->history;
    for (;;) {
      const Result<Index> at = print_steps();
      const Result<bool> more = at ? group_.wait_beyond(*at, history_, STDOUT_FILENO) : std::unexpected(at.error());
      if (more) continue;
      return reader_is_gone() ? exit_fine : report(more.error());
    }
  }

 private:
  /// Prints what has changed; returns how far the member was when it was asked.
  Result<Index> print_steps() {
    begin_round(since_);
    for (;;) {
      const auto read = ask<kv::Followed>(group_, kv::Follow{options_.key, since_, kv::page_items}, Consistency::weak);
      if (!read) return std::unexpected(read.error());
      if (read->history != history_) {
        if (const auto begun = begin_anew(read->history); !begun) return std::unexpected(begun.error());
        continue;
      }
      if (const auto told = print_page(read->result); !told) return std::unexpected(told.error());
      if (since_ == 0) begin_round(read->position.value);
      since_ = read->result.seen;
      if (!read->result.more) return read->position;
    }
  }

  /// The member has started over from another history: nothing that was shown need be so any more.
  Result<> begin_anew(const std::string& history) {
    history_ = history;
    since_ = 0;
    return tell(remark_text(options_, "replaced", "the history was replaced; what follows is the whole state"));
  }

  Result<> print_page(const kv::Followed& page) {
    // From the beginning on deletions of former keys say nothing.
    if (page.gap && since_ > 0) {
      if (const auto told = tell(
              remark_text(options_, "gap",
                          "deletions were missed, too many since the last look; 'mosaik kv list' shows what is left"));
          !told)
        return told;
    }
    for (const kv::Step& step : page.steps) {
      if (hides_another(step)) {
        if (const auto told = tell(skipped_text(step)); !told) return told;
      }
      if (const auto told = tell(change_text(options_, step)); !told) return told;
      if (step.revision > base_ && page.more) shown_.insert(step.revision);
    }
    return {};
  }

  void begin_round(std::uint64_t base) {
    base_ = base;
    shown_.clear();
  }

  /// The change before it came after all that was shown, and was not shown itself.
  [[nodiscard]] bool hides_another(const kv::Step& step) const {
    return since_ > 0 && step.previous > base_ && !shown_.contains(step.previous);
  }

  /// What the key was between two looks is gone.
  [[nodiscard]] std::string skipped_text(const kv::Step& step) const {
    if (is_json(options_)) return Object().add("skipped", true).add("key", std::string_view(step.key)).str();
    return "earlier changes were skipped of the key " + one_line(step.key);
  }

  static Result<> tell(const std::string& line) {
    if (!print(line + "\n")) return fail(Errc::closed, "nobody reads any more");
    return {};
  }

  const KvOptions& options_;
  const GroupCaller& group_;
  std::uint64_t since_ = 0;
  std::uint64_t base_ = 0;         ///< all up to here was shown before these pages, or is in them
  std::set<std::uint64_t> shown_;  ///< of the pages before the last, the changes behind it
  std::string history_;
};

int watch(const KvOptions& options, const GroupCaller& group) {
  return Watch(options, group).run();
}

}  // namespace

int run_kv(const KvOptions& options) {
  using Verb = KvOptions::Verb;
  const bool about_a_key = options.verb != Verb::list && options.verb != Verb::watch;
  if (about_a_key) {
    if (const std::string objection = kv::objection_to_key(options.key); !objection.empty())
      return report({Errc::invalid_argument, objection});
  }
  const Result<GroupCaller> group = GroupCaller::open(options.call, kv::Store::name);
  if (!group) return report(group.error());
  switch (options.verb) {
    case Verb::get: return get(options, *group);
    case Verb::put: return put(options, *group);
    case Verb::remove: return change(options, *group, kv::Delete{options.key}, "deleted");
    case Verb::list: return list(options, *group);
    case Verb::watch: return watch(options, *group);
  }
  return exit_failure;
}

}  // namespace mosaik::command
