#include "identity/entry.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "crypto/hash.hpp"
#include "wire/entries.hpp"

namespace mosaik::identity {
namespace {

using test::Bytes;

/// The key of the vectors: 32 x 01.
crypto::SecretKey ones() {
  return crypto::SecretKey::from_seed(test::filled<Digest>(1).bytes());
}

template <class T>
Errc error_of(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? Errc::internal : result.error().code;
}

/// spec: discovery 1.13 with the protocol text of 0.4.2.
PeerEntry worked_example() {
  PeerEntry entry;
  entry.protocol = "0.4.2";
  entry.network = id_of<NetworkId>("my-network");
  entry.version = {.started = 1'776'500'000'000, .updated = 1'776'500'001'234};
  entry.id = ones().id();
  entry.addresses = {RelayAddress{"https://relay.example/"}, SocketAddress::v4({192, 0, 2, 1}, 4433)};
  entry.tags = {id_of<Tag>("tag1")};
  return entry;
}

TEST(Sign, follows_the_worked_example) {
  const EntryRef signed_entry = sign(worked_example(), ones());
  const BytesView bytes(signed_entry->bytes);
  EXPECT_EQ(bytes.size(), 152U + 64);
  EXPECT_EQ(to_hex(crypto::hash({bytes.first(152)})),
            "58f966ff597b90967532d786407b2e2b6f682b9d8c7bdfc8165e00a640fcde24");
  EXPECT_EQ(to_hex(bytes.subspan(152)),
            "540440ab9b5f6bfc0263a7134b287eea159201d50d09bbac3fecdf0c554058f93c1c4c2ad70498ae6ad6bfe99d64f57683a448ba4c"
            "4b6a491"
            "cb5bc8b12e1e30a");
  EXPECT_EQ(signed_entry->digest, Digest::hash(bytes));
}

TEST(Sign, follows_the_worked_example_with_a_function) {
  PeerEntry entry = worked_example();
  entry.functions = {id_of<FunctionId>("examples.shout")};
  const EntryRef signed_entry = sign(entry, ones());
  const BytesView bytes(signed_entry->bytes);
  EXPECT_EQ(bytes.size(), 184U + 64);
  EXPECT_EQ(to_hex(crypto::hash({bytes.first(184)})),
            "6f457e3b58be22d3ba11973bed1d3380337dfe88e2bff1e5b975c6206fb4c4f0");
  EXPECT_EQ(to_hex(bytes.subspan(184)),
            "b5119810f05c1d05adb244ad2d27f260b5451a3a7a61fc28258d8cba7987c49070e2d58fdbd0f53132faf449ab4ab3374739543a4d"
            "36f25c7"
            "779a5369586a80b");
}

TEST(Sign, makes_the_bytes_that_rust_made) {
  const boost::json::value vectors = test::load_vectors("mosaik.json");
  for (const boost::json::value& one : vectors.at("signed_entries").as_array()) {
    const Bytes bytes = test::bytes_at(one, "hex");
    Verifier verifier(10);
    const Result<EntryRef> verified = verifier.verify(bytes);
    ASSERT_TRUE(verified) << one.at("note");
    EXPECT_EQ(to_hex(crypto::hash({BytesView(bytes).first(bytes.size() - 64)})), test::text_at(one, "digest"));
    EXPECT_EQ(to_hex(sign((*verified)->entry, ones())->bytes), to_hex(bytes));
  }
}

TEST(Sign, makes_an_unsorted_entry_canonical) {
  PeerEntry entry = worked_example();
  std::ranges::reverse(entry.addresses);
  entry.tags.push_back(entry.tags[0]);
  EXPECT_EQ(sign(entry, ones())->bytes, sign(worked_example(), ones())->bytes);
  EXPECT_EQ(sign(entry, ones())->entry, worked_example());
}

TEST(SignDeathTest, refuses_the_key_of_another) {
  EXPECT_DEATH((void)sign(worked_example(), crypto::SecretKey::from_seed(Bytes32{2})), "broken invariant");
}

TEST(SignedEntry, knows_its_groups_and_its_label) {
  PeerEntry entry = worked_example();
  entry.groups = {test::filled<GroupId>(1), test::filled<GroupId>(3)};
  const EntryRef rust = sign(entry, ones());
  EXPECT_TRUE(rust->names(test::filled<GroupId>(3)));
  EXPECT_FALSE(rust->names(test::filled<GroupId>(2)));
  EXPECT_FALSE(rust->labelled_cpp());
  entry.protocol = protocol;
  EXPECT_TRUE(sign(entry, ones())->labelled_cpp());
}

TEST(VerifierTest, verifies_one_content_once) {
  Verifier verifier(10);
  const Bytes bytes = test::rust_entries()[0];
  const Result<EntryRef> first = verifier.verify(bytes);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(&*verifier.verify(Bytes(bytes)).value(), &**first);
  EXPECT_EQ(verifier.verifications(), 1U);
  EXPECT_TRUE(verifier.verify(test::rust_entries()[1]));
  EXPECT_EQ(verifier.verifications(), 2U);
}

TEST(VerifierTest, does_not_take_another_signature_for_a_known_entry) {
  Verifier verifier(10);
  Bytes bytes = test::rust_entries()[0];
  ASSERT_TRUE(verifier.verify(bytes));
  bytes.back() ^= 1U;
  EXPECT_EQ(error_of(verifier.verify(bytes)), Errc::bad_signature);
  EXPECT_EQ(verifier.verifications(), 2U);
}

TEST(VerifierTest, remembers_our_own_without_verifying) {
  Verifier verifier(10);
  const EntryRef own = sign(worked_example(), ones());
  verifier.remember(own);
  EXPECT_TRUE(verifier.verify(own->bytes));
  EXPECT_EQ(verifier.verifications(), 0U);
}

TEST(VerifierTest, forgets_the_oldest_beyond_its_capacity) {
  Verifier verifier(2);
  const std::vector<Bytes> entries = test::rust_entries();
  for (const Bytes& entry : entries) ASSERT_TRUE(verifier.verify(entry));
  ASSERT_TRUE(verifier.verify(entries[2]));
  ASSERT_TRUE(verifier.verify(entries[1]));
  EXPECT_EQ(verifier.verifications(), 3U);
  ASSERT_TRUE(verifier.verify(entries[0]));
  EXPECT_EQ(verifier.verifications(), 4U);
}

TEST(VerifierTest, refuses_an_id_that_is_no_point_on_the_curve) {
  Bytes bytes = test::rust_entries()[0];
  const std::size_t id = 6 + 32 + 6 + 6;  // behind protocol, network, version
  ASSERT_EQ(to_hex(BytesView(bytes).subspan(id, 32)), ones().id().hex());
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(id), 32, std::uint8_t{0});
  bytes[id] = 2;
  ASSERT_FALSE(crypto::is_valid_peer_id(PeerId(Bytes32{2})));
  Verifier verifier(10);
  EXPECT_EQ(error_of(verifier.verify(bytes)), Errc::bad_signature);
}

TEST(VerifierTest, refuses_a_correctly_signed_entry_that_is_not_canonical) {
  PeerEntry entry = worked_example();
  entry.tags.clear();
  Bytes bytes;
  wire::encode_entry(entry, bytes);
  bytes.resize(bytes.size() - 5);  // tags, streams, functions, groups, tickets
  postcard::Writer writer(bytes);
  writer.varint(2).id(test::filled<Tag>(2)).id(test::filled<Tag>(1)).raw(Bytes(4));
  const crypto::Signature signature = ones().sign(crypto::hash({bytes}));
  bytes.insert(bytes.end(), signature.begin(), signature.end());
  Verifier verifier(10);
  EXPECT_EQ(error_of(verifier.verify(bytes)), Errc::not_canonical);
  EXPECT_EQ(verifier.verifications(), 0U);
}

TEST(VerifierTest, says_why_it_refuses) {
  Verifier verifier(10);
  Bytes bytes = test::rust_entries()[0];
  bytes.push_back(0);
  EXPECT_EQ(error_of(verifier.verify(bytes)), Errc::malformed);
  EXPECT_EQ(error_of(verifier.verify(BytesView{})), Errc::malformed);
  Bytes old;
  postcard::Writer(old).text("0.3.18").raw(Bytes(200));
  EXPECT_EQ(error_of(verifier.verify(old)), Errc::old_entry_layout);
  EXPECT_EQ(error_of(verifier.verify(Bytes(20'000))), Errc::malformed);
}

TEST(VerifierTest, refuses_every_single_changed_bit) {
  Verifier verifier(10);
  const EntryRef own = sign(worked_example(), ones());
  for (std::size_t bit = 0; bit < own->bytes.size() * 8; bit += 3) {
    Bytes bytes = own->bytes;
    bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(verifier.verify(bytes)) << bit;
  }
}

TEST(VerifierTest, refuses_every_truncation) {
  Verifier verifier(10);
  const Bytes bytes = test::rust_entries()[2];
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(verifier.verify(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)))) << size;
}

}  // namespace
}  // namespace mosaik::identity
