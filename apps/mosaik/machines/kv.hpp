#pragma once
/// kv: the machine of `mosaik node --machine kv`: keys with values, each with the place in the log of its last change
/// (its revision). What a key holds is the same at every member that has applied as much.
///
/// Bounds. A key has 1 to 1,024 bytes of UTF-8, a value at most 1 MiB, the store 1,048,576 keys and 1 GiB in all. A
/// command beyond them changes nothing, at every member alike; `Outcome` tells of it. Deleted keys are remembered for
/// those who follow the changes, the newest 16,384 of them. Answers come in pages.
///
/// Bytes. Commands, queries and answers are postcard, so that a Rust machine can be written to the same group:
///
///   enum Command { Put { key: String, value: Vec<u8> }, Delete { key: String } }
///   enum Query   { Get { key: String }, List { prefix: String, after: String, limit: u32 },
///                  Changes { prefix: String, since: u64, limit: u32 }, Outcome { index: u64 },
///                  Follow { prefix: String, since: u64, limit: u32 } }
///   enum Answer  { Item(Option<Item>), Page { items: Vec<Item>, more: bool },
///                  Changes { changes: Vec<Change>, seen: u64, more: bool, gap: bool }, Outcome(Outcome),
///                  Followed { steps: Vec<Step>, seen: u64, more: bool, gap: bool } }
///   struct Item  { key: String, value: Vec<u8>, revision: u64 }
///   struct Change { key: String, revision: u64, value: Option<Vec<u8>> }
///   struct Step { key: String, revision: u64, value: Option<Vec<u8>>, previous: u64 }
///   enum Outcome { Done, NoSuchKey, BadKey, ValueTooLarge, Full }

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <mosaik/consensus/state_machine.hpp>

namespace mosaik::command::kv {

inline constexpr std::size_t key_bytes = 1024;
inline constexpr std::size_t value_bytes = 1U << 20U;
inline constexpr std::size_t most_keys = 1U << 20U;
inline constexpr std::size_t store_bytes = 1U << 30U;   ///< keys and values together
inline constexpr std::size_t most_deleted = 16384;      ///< deleted keys that are remembered
inline constexpr std::size_t most_outcomes = 4096;      ///< outcomes other than Done that are remembered
inline constexpr std::size_t page_items = 256;          ///< of one answer,
inline constexpr std::size_t page_bytes = 256U << 10U;  ///< and bytes; one larger item goes alone

using Bytes = std::vector<std::uint8_t>;

struct Put {
  std::string key;
  Bytes value;
};
struct Delete {
  std::string key;
};
using Command = std::variant<Put, Delete>;

struct Get {
  std::string key;
};
/// Keys with the prefix behind `after`, ascending.
struct List {
  std::string prefix;
  std::string after;
  std::uint32_t limit = page_items;
};
/// What the keys with the prefix have become since the revision, oldest first; each key once, with its last change.
struct Changes {
  std::string prefix;
  std::uint64_t since = 0;
  std::uint32_t limit = page_items;
};
struct AskOutcome {
  std::uint64_t index = 0;
};
/// As Changes; each key is told with the revision of its change before the last.
struct Follow {
  std::string prefix;
  std::uint64_t since = 0;
  std::uint32_t limit = page_items;
};
using Query = std::variant<Get, List, Changes, AskOutcome, Follow>;

struct Item {
  std::string key;
  Bytes value;
  std::uint64_t revision = 0;
};
struct Page {
  std::vector<Item> items;
  bool more = false;
};
struct Change {
  std::string key;
  std::uint64_t revision = 0;
  std::optional<Bytes> value;  ///< none: deleted
};
struct ChangePage {
  std::vector<Change> changes;
  std::uint64_t seen = 0;  ///< ask again since this revision
  bool more = false;
  bool gap = false;  ///< some deletions since then are not remembered any more
};
enum class Outcome : std::uint8_t { done, no_such_key, bad_key, value_too_large, full };
struct Step {
  std::string key;
  std::uint64_t revision = 0;
  std::optional<Bytes> value;  ///< none: deleted
  std::uint64_t previous = 0;  ///< the change before it, while that is remembered; 0: none
};
struct Followed {
  std::vector<Step> steps;
  std::uint64_t seen = 0;  ///< ask again since this revision
  bool more = false;
  bool gap = false;  ///< some deletions since then are not remembered any more
};
using Answer = std::variant<std::optional<Item>, Page, ChangePage, Outcome, Followed>;

/// True for UTF-8, which a Rust String has to be.
[[nodiscard]] bool is_text(std::string_view bytes);
/// What keeps a key or a value out, in words; empty when nothing does. For callers, before they ask the group.
[[nodiscard]] std::string objection_to_key(std::string_view key);
[[nodiscard]] std::string objection_to_value(std::size_t bytes);

class Store {
 public:
  using Command = kv::Command;
  using Query = kv::Query;
  using QueryResult = kv::Answer;

  static constexpr std::string_view name = "kv";
  static constexpr std::string_view default_id = "mosaik_kv_v1";
  static constexpr std::string_view default_rust_type = "mosaik_kv::Kv";
  static constexpr bool runs_in_line = true;

  [[nodiscard]] Digest signature() const { return Digest::of(machine_id); }
  void apply(const Command& command, const ApplyContext& context);
  [[nodiscard]] Answer query(const Query& query) const;

  std::string machine_id{default_id};
  std::string rust_type{default_rust_type};

 private:
  struct Held {
    Bytes value;
    std::uint64_t revision = 0;
    std::uint64_t previous = 0;  ///< the change before it, while that is remembered; 0: none
  };
  struct Deleted {
    std::uint64_t revision = 0;
    std::uint64_t previous = 0;
  };
  Outcome put(const Put& put, std::uint64_t revision);
  Outcome remove(const Delete& command, std::uint64_t revision);
  [[nodiscard]] Answer get(const Get& get) const;
  [[nodiscard]] Answer list(const List& list) const;
  [[nodiscard]] Answer changes(const Changes& changes) const;
  [[nodiscard]] Followed follow(const Follow& follow) const;
  [[nodiscard]] Answer outcome(const AskOutcome& ask) const;

  std::map<std::string, Held, std::less<>> held_;
  std::map<std::string, Deleted, std::less<>> deleted_;  ///< and when
  std::map<std::uint64_t, std::string> order_;           ///< every key above, by its last change
  std::map<std::uint64_t, std::string> deletions_;       ///< those of them that are deleted
  std::map<std::uint64_t, Outcome> outcomes_;
  std::uint64_t forgotten_ = 0;  ///< deletions up to here are not remembered
  std::uint64_t newest_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace mosaik::command::kv
