#include "crypto/group_key.hpp"

#include <gtest/gtest.h>

#include "base/vectors.hpp"

namespace mosaik::crypto {
namespace {

Bytes32 filled(std::uint8_t value) {
  Bytes32 out{};
  out.fill(value);
  return out;
}

TEST(GroupKey, from_secret_hashes_text_and_decodes_64_digits) {
  const GroupKey key = GroupKey::from_secret("secret1");
  EXPECT_EQ(to_hex(key.secret()), "63a568b9905f03d1aa9e5620196204b2138b149ef2ed6f6b9a8a0f48f70dbd5f");
  EXPECT_TRUE(GroupKey::from_secret(to_hex(key.secret())).equals(key));
  EXPECT_FALSE(GroupKey::from_secret("secret2").equals(key));
}

TEST(GroupKey, shows_its_ends_only) {
  EXPECT_EQ(GroupKey::from_secret("secret1").redacted(), "63****5f");
}

TEST(GroupKey, random_is_another_one_each_time) {
  EXPECT_FALSE(GroupKey::random().equals(GroupKey::random()));
}

TEST(GroupId, of_every_vector_is_what_the_crate_computed) {
  const boost::json::value vectors = test::load_vectors("mosaik.json");
  std::size_t checked = 0;
  for (const boost::json::value& one : vectors.at("group_ids").as_array()) {
    const bool noop = test::text_at(one, "machine") == "noop";
    const std::string_view type = test::text_at(vectors, noop ? "noop_type_name" : "counter_type_name");
    const Digest machine = noop ? noop_signature() : Digest::of("interop_counter_v1");
    const Digest consensus = consensus_digest(one.at("heartbeat_ms").to_number<std::uint64_t>(),
                                              one.at("jitter_ms").to_number<std::uint64_t>(),
                                              one.at("max_missed").to_number<std::uint64_t>());
    const GroupKey key = GroupKey::from_secret(test::text_at(one, "secret"));
    EXPECT_EQ(make_group_id(key, consensus, machine, log_replay_signature(type)).hex(), test::text_at(one, "group_id"))
        << one;
    ++checked;
  }
  EXPECT_EQ(checked, 24U);
}

TEST(GroupId, follows_the_worked_example) {  // spec: groups 2.3 to 2.5
  const Digest consensus = consensus_digest(500, 150, 10);
  EXPECT_EQ(consensus.hex(), "adfe74a86dd01a601b37bf2fa5b6bb292ac49656393b7e0ad47f7766c5bb8022");
  EXPECT_EQ(noop_signature().hex(), "8149f518646f75ad984e3d0256bff30e9256ec4659057f2bfe8f57282bb0cf61");
  EXPECT_EQ(log_replay_signature(noop_rust_type).hex(),
            "eaaef1b2c7c7717fda72accddba9b23ba259f2b149ceb20e365253e58f667d64");
  const auto group_id = [&](const GroupKey& key) {
    return make_group_id(key, consensus, noop_signature(), log_replay_signature(noop_rust_type)).hex();
  };
  EXPECT_EQ(group_id(GroupKey::from_secret("secret1")),
            "c2bf3bd93ca72858eecf8802cb1e92933b8dc930e9e8d080601abd32abd968f4");
  EXPECT_EQ(group_id(GroupKey::from_secret("group1secret")),
            "691fd68d4d081ad30ad716104aeb47f973b86c71223ca21569a8884ce4bb6d43");
  EXPECT_EQ(group_id(GroupKey::from_bytes({})), "7f5272ca6f2f909cdee64d48d38189045b88fdaec643216dd5463069d621c352");
}

TEST(GroupId, changes_with_each_of_its_settings) {
  const Digest base = consensus_digest(500, 150, 10);
  EXPECT_NE(consensus_digest(501, 150, 10), base);
  EXPECT_NE(consensus_digest(500, 151, 10), base);
  EXPECT_NE(consensus_digest(500, 150, 11), base);
  EXPECT_NE(log_replay_signature("a"), log_replay_signature("b"));
  EXPECT_NE(log_replay_signature("a", 2000, 25), log_replay_signature("a", 2001, 25));
  EXPECT_NE(log_replay_signature("a", 2000, 25), log_replay_signature("a", 2000, 26));
}

class ProofTest : public testing::Test {
 protected:
  GroupKey key = GroupKey::from_secret("secret1");
  ExporterKey ekm{filled(0xaa)};
  PeerId prover{filled(0x11)};
};

TEST_F(ProofTest, follows_the_worked_example) {  // spec: groups 3.1
  EXPECT_EQ(make_proof(key, ekm, prover).hex(), "df449aeaec174ad5d99e8f1be8066d55f06ea904d1a86e69f82e82caafd37687");
  EXPECT_TRUE(verify_proof(key, ekm, prover, make_proof(key, ekm, prover)));
}

TEST_F(ProofTest, refuses_a_proof_made_with_another_key) {
  EXPECT_FALSE(verify_proof(key, ekm, prover, make_proof(GroupKey::from_secret("secret2"), ekm, prover)));
}

TEST_F(ProofTest, refuses_a_proof_made_for_another_connection) {
  EXPECT_FALSE(verify_proof(key, ekm, prover, make_proof(key, ExporterKey(filled(0xab)), prover)));
}

TEST_F(ProofTest, refuses_a_proof_of_another_peer_reflected) {
  EXPECT_FALSE(verify_proof(key, ekm, prover, make_proof(key, ekm, PeerId(filled(0x12)))));
}

TEST(BondId, is_the_same_from_both_ends_and_another_for_anything_else) {
  const GroupKey key = GroupKey::from_secret("secret1");
  const GroupId group(filled(1));
  const PeerId a(filled(2));
  const PeerId b(filled(3));
  const BondId bond = make_bond_id(key, group, a, b);
  EXPECT_EQ(make_bond_id(key, group, b, a), bond);
  EXPECT_NE(make_bond_id(key, group, a, PeerId(filled(4))), bond);
  EXPECT_NE(make_bond_id(key, GroupId(filled(5)), a, b), bond);
  EXPECT_NE(make_bond_id(GroupKey::from_secret("secret2"), group, a, b), bond);
}

TEST(BondId, hashes_domain_ids_key_digest_and_group_in_this_order) {
  const GroupKey key = GroupKey::from_secret("secret1");
  std::vector<std::uint8_t> preimage = test::unhex(Digest::hash(bytes_of("mosaik.bond.id.v1")).hex());
  for (const Bytes32& part : {filled(2), filled(3), Digest::hash(key.secret()).bytes(), filled(1)})
    preimage.insert(preimage.end(), part.begin(), part.end());
  EXPECT_EQ(make_bond_id(key, GroupId(filled(1)), PeerId(filled(3)), PeerId(filled(2))).bytes(),
            Digest::hash(preimage).bytes());
}

}  // namespace
}  // namespace mosaik::crypto
