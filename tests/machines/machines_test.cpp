// The machines of `mosaik node --machine`: what they do with commands, and the bytes that a Rust member would send.

#include "machines/machines.hpp"

#include <gmock/gmock.h>

namespace mosaik::command {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

kv::Bytes bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

/// A store that gets commands at consecutive places.
class KvStore : public testing::Test {
 protected:
  std::uint64_t put(const std::string& key, std::string_view value) { return apply(kv::Put{key, bytes(value)}); }
  std::uint64_t remove(const std::string& key) { return apply(kv::Delete{key}); }
  std::uint64_t apply(const kv::Command& command) {
    ApplyContext context{};
    context.index = Index{++last_};
    store_.apply(command, context);
    return last_;
  }
  template <class T>
  T ask(const kv::Query& query) const {
    return std::get<T>(store_.query(query));
  }
  std::optional<kv::Item> get(const std::string& key) const { return ask<std::optional<kv::Item>>(kv::Get{key}); }
  kv::Outcome outcome(std::uint64_t index) const { return ask<kv::Outcome>(kv::AskOutcome{index}); }

  kv::Store store_;
  std::uint64_t last_ = 0;
};

TEST_F(KvStore, a_key_holds_its_last_value_and_the_place_of_its_last_change) {
  put("a", "1");
  put("b", "2");
  put("a", "3");
  ASSERT_TRUE(get("a"));
  EXPECT_EQ(get("a")->value, bytes("3"));
  EXPECT_EQ(get("a")->revision, 3U);
  EXPECT_EQ(get("b")->revision, 2U);
  remove("a");
  EXPECT_FALSE(get("a"));
}

TEST_F(KvStore, a_command_beyond_the_bounds_changes_nothing_and_says_why) {
  put("a", "1");
  EXPECT_EQ(outcome(put("", "x")), kv::Outcome::bad_key);
  EXPECT_EQ(outcome(put(std::string(kv::key_bytes + 1, 'k'), "x")), kv::Outcome::bad_key);
  EXPECT_EQ(outcome(put("a", std::string(kv::value_bytes + 1, 'v'))), kv::Outcome::value_too_large);
  EXPECT_EQ(outcome(remove("nobody")), kv::Outcome::no_such_key);
  EXPECT_EQ(outcome(put(std::string(kv::key_bytes, 'k'), std::string(kv::value_bytes, 'v'))), kv::Outcome::done);
  EXPECT_EQ(get("a")->revision, 1U);
}

TEST_F(KvStore, the_whole_store_is_bounded) {
  const std::string large(kv::value_bytes, 'v');
  std::uint64_t at = 0;
  std::size_t kept = 0;
  while (outcome(at = put("key" + std::to_string(kept), large)) == kv::Outcome::done) ++kept;
  EXPECT_EQ(outcome(at), kv::Outcome::full);
  EXPECT_EQ(kept, kv::store_bytes / kv::value_bytes - 1) << "the keys count too";
  remove("key0");
  EXPECT_EQ(outcome(put("key0", large)), kv::Outcome::done);
}

TEST_F(KvStore, a_list_comes_in_pages_and_keeps_to_its_prefix) {
  for (int i = 0; i < 600; ++i) put("x/" + std::to_string(1000 + i), "v");
  put("w", "v");
  put("y", "v");
  kv::List list{.prefix = "x/", .after = {}, .limit = 10'000};
  std::vector<std::string> keys;
  for (bool more = true; more;) {
    const auto page = ask<kv::Page>(list);
    EXPECT_LE(page.items.size(), kv::page_items);
    for (const kv::Item& item : page.items) keys.push_back(item.key);
    more = page.more;
    list.after = keys.back();
  }
  EXPECT_EQ(keys.size(), 600U);
  EXPECT_TRUE(std::ranges::is_sorted(keys));
}

TEST_F(KvStore, changes_since_a_revision_are_each_key_once_in_the_order_of_its_last_change) {
  put("a", "1");
  put("b", "2");
  const std::uint64_t since = last_;
  put("a", "3");
  remove("b");
  put("other", "x");
  put("a", "4");
  const auto page = ask<kv::ChangePage>(kv::Changes{.prefix = "", .since = since, .limit = kv::page_items});
  ASSERT_EQ(page.changes.size(), 3U);
  EXPECT_EQ(page.changes[0].key, "b");
  EXPECT_FALSE(page.changes[0].value);
  EXPECT_EQ(page.changes[1].key, "other");
  EXPECT_EQ(page.changes[2].value, bytes("4"));
  EXPECT_EQ(page.seen, last_);
  EXPECT_FALSE(page.gap);
  EXPECT_TRUE(ask<kv::ChangePage>(kv::Changes{"", page.seen, 1}).changes.empty());
}

TEST_F(KvStore, who_follows_sees_which_change_came_before) {
  put("a", "1");
  const std::uint64_t first = last_;
  const auto of_a = [&](std::uint64_t since) {
    const auto page = ask<kv::Followed>(kv::Follow{.prefix = "a", .since = since, .limit = kv::page_items});
    EXPECT_EQ(page.steps.size(), 1U);
    return page.steps.at(0);
  };
  EXPECT_EQ(of_a(0).previous, 0U);
  put("a", "2");
  const std::uint64_t second = last_;
  EXPECT_EQ(of_a(first).previous, first);
  remove("a");
  EXPECT_EQ(of_a(first).previous, second) << "a deletion hides the change before it";
  EXPECT_FALSE(of_a(first).value);
  const std::uint64_t deleted = last_;
  put("a", "3");
  EXPECT_EQ(of_a(deleted).previous, deleted);
}

TEST_F(KvStore, deletions_that_are_forgotten_are_told_as_a_gap) {
  for (std::size_t i = 0; i <= kv::most_deleted; ++i) {
    put("k" + std::to_string(i), "v");
    remove("k" + std::to_string(i));
  }
  EXPECT_TRUE(ask<kv::ChangePage>(kv::Changes{"", 0, 1}).gap);
  EXPECT_FALSE(ask<kv::ChangePage>(kv::Changes{"", 2, 1}).gap);
}

TEST(Machines, commands_have_the_bytes_of_their_rust_enums) {
  EXPECT_THAT(postcard::encode(Counter::Command(Counter::Add{3})), ElementsAre(0, 3));
  EXPECT_THAT(postcard::encode(Counter::Command(Counter::Sub{300})), ElementsAre(1, 0xAC, 2));
  EXPECT_THAT(postcard::encode(Counter::Command(Counter::Blob{{7, 8}})), ElementsAre(2, 2, 7, 8));
  EXPECT_TRUE(postcard::encode(Counter::Query()).empty());
  EXPECT_THAT(postcard::encode(kv::Command(kv::Put{"k", {9}})), ElementsAre(0, 1, 'k', 1, 9));
  EXPECT_THAT(postcard::encode(kv::Command(kv::Delete{"k"})), ElementsAre(1, 1, 'k'));
  EXPECT_THAT(postcard::encode(kv::Query(kv::AskOutcome{5})), ElementsAre(3, 5));
}

TEST(Machines, the_counter_wraps_around_like_rusts) {
  Counter counter;
  counter.apply(Counter::Sub{1}, {});
  EXPECT_EQ(counter.query({}), -1);
  counter.apply(Counter::Blob{}, {});
  counter.apply(Counter::Add{5}, {});
  EXPECT_EQ(counter.query({}), 5);
}

TEST(Machines, a_choice_gives_the_machine_its_texts) {
  EXPECT_EQ(open_machine({}), nullptr);
  const auto own = open_machine({.name = "counter", .machine_id = {}, .rust_type = {}});
  EXPECT_EQ(own->signature(), Digest::of("interop_counter_v1"));
  EXPECT_EQ(own->rust_type(), "rustpeer::Counter");
  EXPECT_EQ(own->name(), "counter");
  EXPECT_TRUE(own->runs_in_line());
  const auto other = open_machine({.name = "kv", .machine_id = "mine", .rust_type = "a::B"});
  EXPECT_EQ(other->signature(), Digest::of("mine"));
  EXPECT_EQ(other->rust_type(), "a::B");
}

TEST(Machines, what_is_no_command_is_known_before_it_reaches_the_log) {
  const auto counter = open_machine({.name = "counter", .machine_id = {}, .rust_type = {}})->command_check();
  EXPECT_TRUE(counter(Bytes{0, 3}));
  EXPECT_FALSE(counter(Bytes{}));
  EXPECT_FALSE(counter(Bytes{3, 0}));
  const auto store = open_machine({.name = "kv", .machine_id = {}, .rust_type = {}})->command_check();
  EXPECT_FALSE(store(Bytes{0, 1, 0xFF, 0})) << "a key is UTF-8";
}

TEST(Machines, keys_and_values_are_objected_to_in_words) {
  EXPECT_EQ(kv::objection_to_key("k"), "");
  EXPECT_THAT(kv::objection_to_key(""), HasSubstr("1 to 1024"));
  EXPECT_THAT(kv::objection_to_key("\xff"), HasSubstr("UTF-8"));
  EXPECT_EQ(kv::objection_to_value(kv::value_bytes), "");
  EXPECT_THAT(kv::objection_to_value(kv::value_bytes + 1), HasSubstr("1048576"));
}

}  // namespace
}  // namespace mosaik::command
