// Raft messages: byte for byte what the crate sends and accepts (spec: groups 5; tests/vectors/frames.json).

#include <gtest/gtest.h>

#include <mosaik/serialization/postcard.hpp>

#include "base/corpus.hpp"
#include "base/limits.hpp"
#include "base/random.hpp"
#include "base/vectors.hpp"
#include "consensus/dynamic/messages.hpp"
#include "fuzz/raft.hpp"

namespace mosaik::consensus {
namespace {

using test::unhex;
using Bytes = std::vector<std::uint8_t>;

Bytes encoded(const Message& message) {
  Bytes out;
  encode(message, out);
  return out;
}
Message decoded(const Bytes& bytes) {
  auto out = decode(Blob::copy(bytes));
  EXPECT_TRUE(out) << to_hex(bytes);
  return out ? std::move(*out) : Message{};
}
Blob blob(std::string_view hex) {
  return Blob::copy(unhex(hex));
}
const PeerId eleven = *PeerId::from_hex(std::string(64, '1'));

/// Encodes to `hex` behind the bond's variant index 5, and decodes to what encodes so again.
void expect_both_ways(const Message& message, const std::string& hex) {
  EXPECT_EQ("05" + to_hex(encoded(message)), hex);
  const Message back = decoded(unhex(hex.substr(2)));
  EXPECT_EQ(back.index(), message.index());
  EXPECT_EQ("05" + to_hex(encoded(back)), hex);
}

TEST(RaftMessages, equal_the_golden_frames_of_the_specification) {
  const std::string peer(64, '1');
  expect_both_ways(AppendEntries{Term{1}, eleven, {Term{1}, Index{300}}, {}, Index{299}},
                   "050001" + peer + "01ac0200ab02");
  expect_both_ways(AppendEntries{Term{2}, eleven, {Term{1}, Index{4}}, {{Term{2}, blob("0003")}}, Index{4}},
                   "050002" + peer + "01040102020003" + "04");
  expect_both_ways(AppendEntries{Term{2}, eleven, {}, {{Term{2}, {}}}, Index{}}, "050002" + peer + "000001020000");
  expect_both_ways(AppendEntriesResponse{Term{2}, Index{5}, Vote::granted}, "0501020500");
  expect_both_ways(AppendEntriesResponse{Term{2}, Index{5}, Vote::abstained}, "0501020502");
  expect_both_ways(RequestVote{Term{128}, eleven, {Term{1}, Index{4}}}, "05028001" + peer + "0104");
  expect_both_ways(RequestVoteResponse{Term{128}, Vote::abstained}, "0503800102");
  expect_both_ways(ForwardCommand{{blob("0003")}, 0xdeadbeefcafebabeULL}, "0504000102000301bef5fad7fcddefd6de01");
  expect_both_ways(ForwardCommand{}, "0504000000");
  expect_both_ways(CommandAck{7, {Index{3}, Index{5}}}, "050401070305");
  expect_both_ways(ForwardQuery{{}, 7}, "0504020007");
  expect_both_ways(QueryResponse{7, blob("0e"), Index{2}}, "05040307010e02");
  expect_both_ways(AvailabilityRequest{}, "050500");
  expect_both_ways(AvailabilityResponse{{Index{0}, Index{200}}}, "05050100c801");
  expect_both_ways(FetchEntriesRequest{{Index{1}, Index{200}}}, "05050201c801");
  expect_both_ways(FetchEntriesResponse{{Index{1}, Index{1}}, {{Term{1}, blob("0003")}}}, "05050301010102000301");
  expect_both_ways(FetchEntriesResponse{{Index{0}, Index{0}}, {}}, "050503000000");
}

TEST(RaftMessages, equal_every_raft_frame_exchanged_with_a_running_rust_node) {
  const auto file = test::load_vectors("frames.json");
  std::size_t seen = 0;
  for (const auto& frame : file.at("frames").as_array()) {
    const std::string hex(test::text_at(frame, "hex"));
    if (!hex.starts_with("05") || test::text_at(frame, "kind").starts_with("Handshake")) continue;
    SCOPED_TRACE(std::string(test::text_at(frame, "kind")));
    EXPECT_EQ("05" + to_hex(encoded(decoded(unhex(hex.substr(2))))), hex);
    ++seen;
  }
  EXPECT_EQ(seen, 18U);
}

TEST(RaftMessages, read_the_fields_of_a_rust_leaders_batch) {
  const auto file = test::load_vectors("frames.json");
  for (const auto& frame : file.at("frames").as_array()) {
    if (test::text_at(frame, "hex").find("0302010300ac02") == std::string_view::npos) continue;
    const auto append = std::get<AppendEntries>(decoded(unhex(test::text_at(frame, "hex").substr(2))));
    EXPECT_EQ(append.term, Term{1});
    EXPECT_EQ(append.previous, (Cursor{Term{1}, Index{3}}));
    ASSERT_EQ(append.entries.size(), 2U);
    EXPECT_EQ(append.entries[0], (Entry{Term{1}, blob("00ac02")}));
    EXPECT_EQ(append.entries[1], (Entry{Term{1}, blob("0101")}));
    EXPECT_EQ(append.leader_commit, Index{3});
    return;
  }
  FAIL() << "the vector has moved";
}

TEST(RaftMessages, hold_the_vote_that_a_rust_node_asked_for_and_was_given) {
  const auto file = test::load_vectors("frames.json");
  std::size_t seen = 0;
  for (const auto& frame : file.at("frames").as_array()) {
    const auto kind = test::text_at(frame, "kind");
    if (!kind.starts_with("RequestVote")) continue;
    ++seen;
    const Bytes message = unhex(test::text_at(frame, "hex").substr(2));
    if (kind == "RequestVoteResponse") {
      EXPECT_EQ(encoded(RequestVoteResponse{Term{1}, Vote::abstained}), message);
      continue;
    }
    const auto asked = std::get<RequestVote>(decoded(message));
    EXPECT_EQ(asked.term, Term{1});
    EXPECT_EQ(asked.candidate.hex(), test::text_at(frame.at("fields"), "candidate"));
    EXPECT_EQ(asked.last, Cursor{});
  }
  EXPECT_EQ(seen, 2U);
}

TEST(RaftMessages, read_the_vote_of_the_specification) {  // spec: groups 5.9
  Bytes request = unhex("028001");
  request.insert(request.end(), 32, 0x11);
  request.insert(request.end(), {1, 4});
  const auto vote = std::get<RequestVote>(decoded(request));
  EXPECT_EQ(vote.term, Term{128});
  EXPECT_EQ(vote.candidate, eleven);
  EXPECT_EQ(vote.last, (Cursor{Term{1}, Index{4}}));
}

TEST(RaftMessages, accept_a_padded_variant_index) {
  Bytes request = unhex("820001");
  request.insert(request.end(), 32, 0x11);
  request.insert(request.end(), {1, 4});
  EXPECT_TRUE(std::holds_alternative<RequestVote>(decoded(request)));
}

TEST(RaftMessages, ignore_trailing_bytes_and_refuse_every_prefix) {
  const Bytes whole =
      encoded(AppendEntries{Term{300}, eleven, {Term{2}, Index{300}}, {{Term{2}, blob("0003")}}, Index{4}});
  Bytes longer = whole;
  longer.insert(longer.end(), 40, 0xAA);
  EXPECT_EQ(encoded(decoded(longer)), whole);
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode(Blob::copy(BytesView(whole).first(size)))) << size;
}

TEST(RaftMessages, refuse_unknown_kinds_votes_and_flags) {
  for (const char* hex : {"", "06", "0404", "0504", "01020503", "03020303", "0400000201"})
    EXPECT_FALSE(decode(blob(hex))) << hex;
}

TEST(RaftMessages, of_the_fuzz_corpus_hold) {
  EXPECT_GE(test::replay("raft", fuzz::raft), 18U);
}

TEST(RaftMessages, survive_what_is_drawn_at_random) {
  const auto file = test::load_vectors("frames.json");
  std::vector<Bytes> seeds;
  for (const auto& frame : file.at("frames").as_array()) {
    if (test::text_at(frame, "hex").starts_with("05")) seeds.push_back(unhex(test::text_at(frame, "hex").substr(2)));
  }
  Rng rng(1);
  for (int i = 0; i < 30'000; ++i) {
    Bytes bytes = seeds[rng.below(seeds.size())];
    for (std::uint64_t changes = 1 + rng.below(3); changes > 0; --changes)
      bytes[rng.below(bytes.size())] = static_cast<std::uint8_t>(rng.next());
    bytes.resize(rng.below(bytes.size() + 1));
    fuzz::raft(bytes);
  }
}

TEST(RaftMessages, never_believe_a_count_that_the_bytes_cannot_hold) {
  Bytes bytes{4, 0};
  postcard::Writer(bytes).varint(1ULL << 40U);
  EXPECT_FALSE(decode(Blob::copy(bytes)));
  bytes = {4, 0};
  postcard::Writer(bytes).varint(limits::message_entries + 1);
  bytes.resize(bytes.size() + limits::message_entries + 2);
  EXPECT_FALSE(decode(Blob::copy(bytes))) << "the bytes hold so many empty commands; the limit does not allow them";
}

TEST(RaftMessages, keep_nothing_alive_of_what_follows_them) {
  Bytes bytes = encoded(ForwardCommand{{blob("07")}, std::nullopt});
  bytes.resize(limits::group_frame - 1);
  const Blob padded = Blob::copy(bytes);
  const auto message = decode(padded);
  ASSERT_TRUE(message);
  const BytesView command = std::get<ForwardCommand>(*message).commands.at(0).view();
  EXPECT_EQ(to_hex(command), "07");
  const std::less<> before;
  EXPECT_TRUE(before(command.data(), padded.view().data()) ||
              !before(command.data(), padded.view().data() + padded.size()));
}

TEST(RaftMessages, keep_the_received_bytes_alive_in_their_commands) {
  std::optional<Entry> kept;
  {
    const auto message =
        decode(Blob::copy(encoded(AppendEntries{Term{1}, eleven, {}, {{Term{1}, blob("0badcafe")}}, {}})));
    kept = std::get<AppendEntries>(*message).entries.at(0);
  }
  EXPECT_EQ(kept->command, blob("0badcafe"));
}

}  // namespace
}  // namespace mosaik::consensus
