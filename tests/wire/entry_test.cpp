#include "wire/entry.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "wire/entries.hpp"

namespace mosaik::wire {
namespace {

using test::Bytes;

Errc error_of_decode(const Bytes& bytes) {
  const Result<PeerEntry> entry = decode_entry(bytes);
  EXPECT_FALSE(entry);
  return entry ? Errc::internal : entry.error().code;
}

Result<SignedEntryView> cut(BytesView bytes) {
  postcard::Reader reader(bytes);
  return cut_signed_entry(reader);
}

Errc error_of_cut(BytesView bytes) {
  const Result<SignedEntryView> view = cut(bytes);
  EXPECT_FALSE(view);
  return view ? Errc::internal : view.error().code;
}

/// The bytes up to the address count: protocol, network, version, id.
Bytes head(std::string_view protocol = "0.4.2") {
  Bytes out;
  postcard::Writer(out).text(protocol).id(NetworkId()).zigzag(0).zigzag(0).id(PeerId());
  return out;
}

Bytes with_tags(const std::vector<std::uint8_t>& fills) {
  Bytes out = head();
  postcard::Writer writer(out);
  writer.varint(0).varint(fills.size());
  for (const std::uint8_t fill : fills) writer.id(test::filled<Tag>(fill));
  writer.raw(Bytes(4));  // streams, functions, groups, tickets
  return out;
}

Bytes with_addresses(std::size_t count, const Bytes& addresses) {
  Bytes out = head();
  postcard::Writer(out).varint(count).raw(addresses).raw(Bytes(5));
  return out;
}

TEST(EntryCodec, gives_back_what_rust_wrote) {
  for (const Bytes& bytes : test::rust_entries()) {
    const Result<SignedEntryView> view = cut(bytes);
    ASSERT_TRUE(view);
    EXPECT_EQ(view->whole.size(), bytes.size());
    const Result<PeerEntry> entry = decode_entry(view->entry);
    ASSERT_TRUE(entry);
    EXPECT_EQ(to_hex(test::encoded(*entry)), to_hex(view->entry));
  }
}

TEST(EntryCodec, reads_every_field_that_rust_names) {
  const boost::json::value vectors = test::load_vectors("mosaik.json");
  const auto expect_ids = [](const auto& ids, const boost::json::value& list) {
    ASSERT_EQ(ids.size(), list.as_array().size());
    for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i].hex(), list.as_array()[i].as_string());
  };
  for (const boost::json::value& one : vectors.at("signed_entries").as_array()) {
    const boost::json::value& json = one.at("json").as_array()[0];
    const Bytes bytes = test::bytes_at(one, "hex");
    const Result<PeerEntry> entry = decode_entry(BytesView(bytes).first(bytes.size() - 64));
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->protocol, test::text_at(json, "protocol"));
    EXPECT_EQ(entry->network.hex(), test::text_at(json, "network"));
    EXPECT_EQ(entry->version.started, json.at("version").as_array()[0].to_number<std::int64_t>());
    EXPECT_EQ(entry->version.updated, json.at("version").as_array()[1].to_number<std::int64_t>());
    EXPECT_EQ(entry->id.hex(), test::text_at(json.at("address"), "id"));
    ASSERT_EQ(entry->addresses.size(), 2U);
    EXPECT_EQ(entry->addresses[0], TransportAddress(RelayAddress{"http://127.0.0.1:3340/"}));
    EXPECT_EQ(entry->sockets()[0].text(), "127.0.0.1:55732");
    expect_ids(entry->tags, json.at("tags"));
    expect_ids(entry->streams, json.at("streams"));
    expect_ids(entry->functions, json.at("functions"));
    expect_ids(entry->groups, json.at("groups"));
    EXPECT_TRUE(entry->tickets.empty());
  }
}

TEST(EntryCodec, gives_back_an_entry_with_everything_in_it) {
  const PeerEntry entry = test::full_entry();
  EXPECT_EQ(decode_entry(test::encoded(entry)), entry);
}

TEST(EntryCodec, writes_sets_in_order_whatever_order_they_are_in) {
  PeerEntry entry = test::full_entry();
  std::ranges::reverse(entry.addresses);
  std::ranges::reverse(entry.functions);
  std::ranges::reverse(entry.tickets);
  entry.tags.push_back(entry.tags.front());
  EXPECT_FALSE(is_canonical(entry));
  EXPECT_EQ(test::encoded(entry), test::encoded(test::full_entry()));
  EXPECT_EQ(canonical(entry), test::full_entry());
}

TEST(EntryCodec, refuses_sets_out_of_order_or_with_duplicates) {
  EXPECT_TRUE(decode_entry(with_tags({1, 2, 3})));
  EXPECT_EQ(error_of_decode(with_tags({2, 1})), Errc::not_canonical);
  EXPECT_EQ(error_of_decode(with_tags({1, 1})), Errc::not_canonical);
  const Bytes v4_after_v6 = test::unhex("0101" + std::string(32, '0') + "01" + "0100c000020101");
  EXPECT_EQ(error_of_decode(with_addresses(2, v4_after_v6)), Errc::not_canonical);
  EXPECT_TRUE(cut(test::with_any_signature(with_tags({2, 1})))) << "cutting looks at the structure only";
}

TEST(EntryCodec, refuses_tickets_out_of_order) {
  Bytes bytes = head();
  postcard::Writer writer(bytes);
  writer.raw(Bytes(5)).varint(2);
  for (const std::uint8_t fill : Bytes{2, 1}) writer.id(test::filled<Digest>(fill)).id(Digest()).bytes({});
  EXPECT_EQ(error_of_decode(bytes), Errc::not_canonical);
}

TEST(EntryCodec, refuses_a_padded_varint) {
  EXPECT_TRUE(decode_entry(with_addresses(1, test::unhex("0100c000020101"))));
  EXPECT_EQ(error_of_decode(with_addresses(1, test::unhex("0100c00002018100"))), Errc::not_canonical);
  EXPECT_TRUE(cut(test::with_any_signature(with_addresses(1, test::unhex("0100c00002018100")))));
}

TEST(EntryCodec, refuses_unknown_kinds_of_address) {
  EXPECT_EQ(error_of_decode(with_addresses(1, test::unhex("0300c000020101"))), Errc::malformed);
  EXPECT_EQ(error_of_decode(with_addresses(1, test::unhex("0102c000020101"))), Errc::malformed);
  EXPECT_EQ(error_of_decode(with_addresses(1, test::unhex("0000"))), Errc::malformed) << "an empty URL";
  EXPECT_EQ(error_of_decode(with_addresses(1, test::unhex("00020a61"))), Errc::malformed) << "a control character";
}

TEST(EntryCodec, refuses_a_protocol_that_is_no_semver) {
  for (const std::string_view text :
       {"", "0.4", "0.4.2.1", "v0.4.2", "0.04.2", "0.4.2-", "0.4.2+", "0.4.2-01", "0.4.2-a..b", "0.4.x",
        "99999999999999999999.0.0", "0.4.2 ", "0.4.2-a_b", "0.4.2+a+b", "0.4.-2", "..", "0.4."}) {
    Bytes bytes = head(text);
    bytes.resize(bytes.size() + 6);
    EXPECT_EQ(error_of_decode(bytes), Errc::malformed) << text;
  }
  for (const std::string_view text :
       {"0.4.0", "0.4.2+cpp.1", "1.0.0-alpha.1+001", "0.5.0-x-y-z.--", "10.20.30", "0.4.1-rc.1"}) {
    Bytes bytes = head(text);
    bytes.resize(bytes.size() + 6);
    EXPECT_TRUE(decode_entry(bytes)) << text;
  }
}

TEST(EntryCodec, names_the_layout_of_0_3) {
  // spec: discovery 1.13, an entry as 0.3.18 writes it
  const Bytes old = test::unhex(
      "06302e332e31383a15da9332ddf3c130882c97f6674a45edf90ecbe482c92f51b1822ec7dcf0d58094b6fab367a4a7b6fab3678a88e3dd74"
      "09f1"
      "95fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c02001668747470733a2f2f72656c61792e6578616d706c652f0100c0000201"
      "d122"
      "018c6deea0877b11b4b5e79ba4bb6bb1438438e713ad6fa777194684c2d10ff6e5000000173a0d1e9f19d67605b7b0ed62fe0b0b04cb9d08"
      "0aa6"
      "1465f1fb57ceac4af07020b69f13b01d9b010ba8b931151a493a7b2ae4907e565d30dd92ccf26b81460a");
  const Result<SignedEntryView> view = cut(old);
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error().code, Errc::old_entry_layout);
  EXPECT_EQ(view.error().message, "peer speaks the 0.3 entry layout (protocol 0.3.18)");
  EXPECT_EQ(error_of_decode(head("0.3.19+x")), Errc::old_entry_layout);
  EXPECT_EQ(error_of_decode(head("0.4.0-rc.1")), Errc::old_entry_layout) << "a pre-release comes before 0.4.0";
}

TEST(EntryCodec, refuses_more_than_its_limits) {
  const auto with = [](auto change) {
    PeerEntry entry = test::full_entry();
    change(entry);
    return test::encoded(entry);
  };
  EXPECT_EQ(error_of_decode(with([](PeerEntry& e) { e.protocol = "1.0.0+" + std::string(60, 'a'); })), Errc::limit);
  EXPECT_EQ(error_of_decode(with([](PeerEntry& e) { e.addresses[0] = RelayAddress{std::string(1025, 'a')}; })),
            Errc::limit);
  EXPECT_EQ(error_of_decode(with([](PeerEntry& e) { e.addresses.back() = CustomAddress{1, Bytes(17'000)}; })),
            Errc::limit);
  EXPECT_EQ(error_of_decode(with([](PeerEntry& e) {
              for (std::uint16_t port = 1; port <= 32; ++port)
                e.addresses.emplace_back(SocketAddress::v4({1, 2, 3, 4}, port));
            })),
            Errc::limit);
  const auto many_tags = [&](std::uint16_t count) {
    return with([count](PeerEntry& e) {
      e.tags.clear();
      for (std::uint16_t i = 0; i < count; ++i)
        e.tags.push_back(Tag(Bytes32{static_cast<std::uint8_t>(i >> 8U), static_cast<std::uint8_t>(i)}));
    });
  };
  EXPECT_TRUE(decode_entry(many_tags(256)));
  EXPECT_EQ(error_of_decode(many_tags(257)), Errc::limit);
  EXPECT_EQ(error_of_cut(test::with_any_signature(many_tags(257))), Errc::limit);
}

TEST(EntryCodec, refuses_an_entry_of_more_bytes_than_one_may_have) {
  PeerEntry entry = test::full_entry();
  const std::size_t fixed = test::encoded(entry).size() + 1;  // the longer length takes one byte more
  entry.tickets[0].data.resize(1 + limits::entry_bytes - 64 - fixed);
  Bytes bytes = test::encoded(entry);
  ASSERT_EQ(bytes.size() + 64, limits::entry_bytes);
  EXPECT_TRUE(decode_entry(bytes));
  EXPECT_TRUE(cut(test::with_any_signature(bytes)));
  entry.tickets[0].data.push_back(0);
  bytes = test::encoded(entry);
  EXPECT_EQ(error_of_decode(bytes), Errc::limit);
  EXPECT_EQ(error_of_cut(test::with_any_signature(bytes)), Errc::limit);
}

TEST(EntryCodec, refuses_every_truncation) {
  for (const Bytes& bytes : {test::rust_entries()[2], test::with_any_signature(test::encoded(test::full_entry()))}) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const Bytes part(bytes.begin(),
                       bytes.begin() + static_cast<std::ptrdiff_t>(size));  // its own heap block, for ASan
      EXPECT_EQ(error_of_cut(part), Errc::malformed) << size;
      EXPECT_EQ(decode_entry(part).has_value(), size == bytes.size() - 64) << size;
    }
  }
}

TEST(EntryCodec, refuses_bytes_behind_an_entry) {
  Bytes bytes = test::encoded(test::full_entry());
  bytes.push_back(0);
  EXPECT_EQ(error_of_decode(bytes), Errc::malformed);
}

TEST(EntryCodec, cuts_one_entry_after_the_other) {
  Bytes bytes;
  for (const Bytes& one : test::rust_entries()) bytes.insert(bytes.end(), one.begin(), one.end());
  postcard::Reader reader(bytes);
  for (const Bytes& one : test::rust_entries()) {
    const Result<SignedEntryView> view = cut_signed_entry(reader);
    ASSERT_TRUE(view);
    EXPECT_EQ(to_hex(view->whole), to_hex(one));
    EXPECT_EQ(view->signature.size(), 64U);
  }
  EXPECT_TRUE(reader.finished());
}

TEST(EntryCodec, survives_random_changes_and_takes_only_canonical_ones) {
  Rng rng(42);
  const Bytes original = test::encoded(test::full_entry());
  std::size_t accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes = original;
    for (std::uint64_t changes = 1 + rng.below(3); changes > 0; --changes)
      bytes[rng.below(bytes.size())] = static_cast<std::uint8_t>(rng.next());
    if (const Result<PeerEntry> entry = decode_entry(bytes)) {
      ++accepted;
      ASSERT_EQ(test::encoded(*entry), bytes);
    }
    (void)cut(test::with_any_signature(bytes));
  }
  EXPECT_GT(accepted, 0U);
  EXPECT_LT(accepted, 20'000U);
}

}  // namespace
}  // namespace mosaik::wire
