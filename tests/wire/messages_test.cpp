#include "wire/messages.hpp"

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "wire/close_code.hpp"
#include "wire/entries.hpp"
#include "wire/extensions.hpp"

namespace mosaik::wire {
namespace {

using test::Bytes;

/// The frames of a bond between a Rust node and a C++ program, by kind.
std::vector<std::pair<std::string, boost::json::object>> recorded_frames() {
  std::vector<std::pair<std::string, boost::json::object>> out;
  const boost::json::value vectors = test::load_vectors("frames.json");
  for (const boost::json::value& one : vectors.at("frames").as_array())
    out.emplace_back(test::text_at(one, "kind"), one.as_object());
  return out;
}

template <class Message>
Message decoded(BytesView payload) {
  const Result<BondMessage> message = decode_bond_message(payload);
  EXPECT_TRUE(message);
  EXPECT_TRUE(std::holds_alternative<Message>(*message));
  return std::get<Message>(*message);
}

TEST(RecordedFrames, all_decode_to_their_kind) {
  std::size_t checked = 0;
  for (const auto& [kind, frame] : recorded_frames()) {
    const Bytes payload = test::bytes_at(frame, "hex");
    Bytes again;
    ++checked;
    if (kind == "HandshakeStart") {
      const Result<HandshakeStart> start = decode_handshake_start(payload);
      ASSERT_TRUE(start);
      EXPECT_EQ(start->network.hex(), test::text_at(frame.at("fields"), "network"));
      EXPECT_EQ(start->group.hex(), test::text_at(frame.at("fields"), "group"));
      EXPECT_EQ(to_hex(start->proof), test::text_at(frame.at("fields"), "proof"));
      EXPECT_TRUE(start->bonds.empty() && start->tail.empty());
      encode_handshake_start(start->network, start->group, start->proof, {}, {}, again);
    } else if (kind == "Ping") {
      EXPECT_TRUE(decoded<Ping>(payload).tail.empty());
      encode_ping({}, again);
    } else if (kind == "Pong") {
      EXPECT_TRUE(decoded<Pong>(payload).tail.empty());
      encode_pong(again);
    } else if (kind == "BondFormed") {
      const SignedEntryView entry = decoded<BondFormed>(payload).entry;
      EXPECT_EQ(decode_entry(entry.entry)->id.hex(), test::text_at(frame.at("fields"), "peer"));
      encode_bond_formed(entry.whole, again);
    } else {
      encode_raft(decoded<Raft>(payload).message, again);
    }
    EXPECT_EQ(to_hex(again), to_hex(payload)) << kind;
  }
  EXPECT_EQ(checked, 22U);
}

TEST(BondMessages, follow_the_golden_frames) {  // spec: groups 5.9
  Bytes out;
  encode_ping({}, out);
  encode_pong(out);
  encode_departure(out);
  EXPECT_EQ(to_hex(out), "000102");
}

TEST(BondMessages, carry_entries_as_they_are) {
  const Bytes entry = test::rust_entries()[2];
  Bytes update;
  encode_peer_entry_update(entry, update);
  EXPECT_EQ(to_hex(decoded<PeerEntryUpdate>(update).entry.whole), to_hex(entry));
  Bytes formed;
  encode_bond_formed(entry, formed);
  EXPECT_EQ(to_hex(decoded<BondFormed>(formed).entry.whole), to_hex(entry));
}

TEST(BondMessages, tolerate_what_the_crate_tolerates) {
  EXPECT_EQ(to_hex(decoded<Ping>(test::unhex("00aabb")).tail), "aabb") << "trailing bytes";
  EXPECT_EQ(to_hex(decoded<Pong>(test::unhex("01aabb")).tail), "aabb");
  decoded<Departure>(test::unhex("02aabb"));
  decoded<Departure>(test::unhex("8200"));  // a padded variant index
  Bytes update;
  encode_peer_entry_update(test::rust_entries()[0], update);
  update.push_back(0xaa);
  decoded<PeerEntryUpdate>(update);
}

TEST(BondMessages, refuse_what_is_none) {
  for (const std::string_view hex : {"", "06", "80", "8600", "ffffffff1f", "03", "04", "0405"}) {
    const Result<BondMessage> message = decode_bond_message(test::unhex(hex));
    ASSERT_FALSE(message) << hex;
    EXPECT_EQ(message.error().code, Errc::malformed) << hex;
  }
}

class HandshakeTest : public testing::Test {
 protected:
  HandshakeTest() : entries(test::rust_entries()), views(entries.begin(), entries.end()) { proof.fill(3); }
  std::vector<Bytes> entries;
  std::vector<BytesView> views;
  NetworkId network = test::filled<NetworkId>(1);
  GroupId group = test::filled<GroupId>(2);
  ProofBytes proof{};
  Bytes tail = {9, 8, 7};
};

TEST_F(HandshakeTest, start_gives_back_what_was_put_in) {
  Bytes out;
  encode_handshake_start(network, group, proof, views, tail, out);
  const Result<HandshakeStart> start = decode_handshake_start(out);
  ASSERT_TRUE(start);
  EXPECT_EQ(start->network, network);
  EXPECT_EQ(start->group, group);
  EXPECT_EQ(start->proof, proof);
  ASSERT_EQ(start->bonds.size(), 3U);
  EXPECT_EQ(to_hex(start->bonds[2].whole), to_hex(entries[2]));
  EXPECT_EQ(to_hex(start->tail), to_hex(tail));
}

TEST_F(HandshakeTest, end_gives_back_what_was_put_in) {
  Bytes out;
  encode_handshake_end(proof, views, tail, out);
  const Result<HandshakeEnd> end = decode_handshake_end(out);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->proof, proof);
  EXPECT_EQ(end->bonds.size(), 3U);
  EXPECT_EQ(to_hex(end->tail), to_hex(tail));
}

TEST_F(HandshakeTest, without_bonds_has_the_least_size) {  // spec: groups 3.2
  Bytes start;
  encode_handshake_start(network, group, proof, {}, {}, start);
  EXPECT_EQ(start.size(), 97U);
  Bytes end;
  encode_handshake_end(proof, {}, {}, end);
  EXPECT_EQ(end.size(), 33U);
}

TEST_F(HandshakeTest, is_refused_at_every_truncation) {
  Bytes start;
  encode_handshake_start(network, group, proof, views, {}, start);
  for (std::size_t size = 0; size < start.size(); ++size) {
    const Bytes part(start.begin(), start.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(decode_handshake_start(part)) << size;
  }
  Bytes end;
  encode_handshake_end(proof, views, {}, end);
  for (std::size_t size = 0; size < end.size(); ++size) {
    const Bytes part(end.begin(), end.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(decode_handshake_end(part)) << size;
  }
}

TEST_F(HandshakeTest, refuses_a_list_that_is_longer_than_the_limit) {
  PeerEntry smallest;
  smallest.protocol = "1.0.0";
  const Bytes entry = test::with_any_signature(test::encoded(smallest));
  EXPECT_EQ(entry.size(), 142U);
  const auto error_of = [&](std::size_t count) {
    const std::vector<BytesView> many(count, BytesView(entry));
    Bytes out;
    encode_handshake_end(proof, many, {}, out);
    const Result<HandshakeEnd> end = decode_handshake_end(out);
    return end ? std::nullopt : std::optional(end.error().code);
  };
  EXPECT_EQ(error_of(limits::handshake_entries), std::nullopt);
  EXPECT_EQ(error_of(limits::handshake_entries + 1), Errc::limit);
}

TEST_F(HandshakeTest, refuses_a_count_that_the_rest_cannot_hold) {
  Bytes out(32);
  postcard::Writer(out).varint(1ULL << 60U);
  const Result<HandshakeEnd> end = decode_handshake_end(out);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Errc::malformed);
}

TEST(Snapshot, gives_back_what_was_put_in) {
  const std::vector<Bytes> entries = test::rust_entries();
  const std::vector<BytesView> views(entries.begin(), entries.end());
  Bytes out;
  encode_snapshot(views, out);
  const auto snapshot = decode_snapshot(out);
  ASSERT_TRUE(snapshot);
  ASSERT_EQ(snapshot->size(), 3U);
  EXPECT_EQ(to_hex((*snapshot)[1].whole), to_hex(entries[1]));
  EXPECT_TRUE(decode_snapshot(Bytes{0})->empty());
}

TEST(Snapshot, tells_a_peer_of_0_3) {
  Bytes out = {1};
  postcard::Writer(out).text("0.3.18").raw(Bytes(300));
  const auto snapshot = decode_snapshot(out);
  ASSERT_FALSE(snapshot);
  EXPECT_EQ(snapshot.error().code, Errc::old_entry_layout);
}

TEST(Messages, survive_random_changes) {
  Rng rng(7);
  std::vector<Bytes> seeds;
  for (const auto& [kind, frame] : recorded_frames()) seeds.push_back(test::bytes_at(frame, "hex"));
  Bytes snapshot;
  const Bytes entry = test::rust_entries()[1];
  encode_snapshot(std::vector<BytesView>(2, entry), snapshot);
  seeds.push_back(snapshot);
  for (int i = 0; i < 30'000; ++i) {
    Bytes bytes = seeds[rng.below(seeds.size())];
    for (std::uint64_t changes = 1 + rng.below(3); changes > 0; --changes)
      bytes[rng.below(bytes.size())] = static_cast<std::uint8_t>(rng.next());
    bytes.resize(rng.below(bytes.size() + 1));
    (void)decode_handshake_start(bytes);
    (void)decode_handshake_end(bytes);
    (void)decode_snapshot(bytes);
    (void)decode_extensions(bytes);
    (void)decode_bond_message(bytes);
  }
}

TEST(Extensions, give_back_what_was_put_in) {
  const Bytes entry = {1, 2, 3};
  const Bytes bits = {7};
  const std::vector<Extension> block = {{ExtensionTag::own_entry, entry}, {ExtensionTag::capabilities, bits}};
  Bytes out;
  encode_extensions(block, out);
  EXPECT_EQ(to_hex(out), to_hex(bytes_of("mxc1")) + "02" + "0103010203" + "020107");
  const auto decoded_block = decode_extensions(out);
  ASSERT_TRUE(decoded_block);
  ASSERT_EQ(decoded_block->size(), 2U);
  EXPECT_EQ((*decoded_block)[0].tag, ExtensionTag::own_entry);
  EXPECT_EQ(to_hex((*decoded_block)[0].value), "010203");
  EXPECT_EQ(to_hex((*decoded_block)[1].value), "07");
}

TEST(Extensions, of_unknown_tags_are_skipped) {
  Bytes bytes(bytes_of("mxc1").begin(), bytes_of("mxc1").end());
  postcard::Writer(bytes).varint(3).varint(99).bytes(Bytes{1}).varint(2).bytes(Bytes{7}).varint(0xffffffff).bytes({});
  const auto block = decode_extensions(bytes);
  ASSERT_TRUE(block);
  ASSERT_EQ(block->size(), 1U);
  EXPECT_EQ((*block)[0].tag, ExtensionTag::capabilities);
}

TEST(Extensions, of_a_rust_peer_are_none) {
  EXPECT_FALSE(decode_extensions({}));
  EXPECT_FALSE(decode_extensions(Bytes(40)));
}

TEST(Extensions, that_do_not_parse_are_none) {
  Bytes out;
  const Bytes value(100, 1);
  encode_extensions(std::vector<Extension>(16, {ExtensionTag::topology_row, value}), out);
  EXPECT_EQ(decode_extensions(out)->size(), 16U);
  for (std::size_t size = 0; size < out.size(); ++size)
    EXPECT_FALSE(decode_extensions(BytesView(out).first(size))) << size;
  out[4] = 17;
  out.resize(out.size() + 102);
  EXPECT_FALSE(decode_extensions(out)) << "more than 16";
}

TEST(CloseCode, carries_the_crates_name) {  // spec: groups 3.3
  EXPECT_EQ(reason_of(CloseCode::cancelled), "Cancelled");
  EXPECT_EQ(reason_of(CloseCode::already_bonded), "AlreadyBonded");
  EXPECT_EQ(reason_of(static_cast<CloseCode>(12345)), "Unknown");
}

}  // namespace
}  // namespace mosaik::wire
