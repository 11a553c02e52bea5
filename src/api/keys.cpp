#include <mosaik/keys.hpp>

#include <mosaik/network.hpp>
#include <mosaik/types/group_key.hpp>

#include "crypto/ed25519.hpp"
#include "node/node.hpp"
#include "runtime/entropy.hpp"
#include "runtime/key_file.hpp"
#include "runtime/secret_file.hpp"

namespace mosaik {
namespace {

Result<PeerId> id_of(const Result<runtime::KeyFile>& file) {
  if (!file) return std::unexpected(file.error());
  return peer_id_of(file->seed());
}

}  // namespace

void make_secret_key(Bytes32& key) {
  runtime::fill_random(key);
}

PeerId peer_id_of(const Bytes32& key) {
  return crypto::SecretKey::from_seed(key).id();
}

Result<PeerId> create_key_file(const std::string& path) {
  return id_of(runtime::KeyFile::create(path));
}

Result<PeerId> open_key_file(const std::string& path) {
  return id_of(runtime::KeyFile::open(path));
}

Result<GroupKey> GroupKey::from_file(const std::string& path) {
  const Result<runtime::Secret> secret = runtime::read_secret_file("group secret file", path);
  if (!secret) return std::unexpected(secret.error());
  return from_secret(secret->text());
}

Result<> check_consensus(const ConsensusConfig& config, std::uint32_t quorum_floor) {
  return node::check(config, quorum_floor);
}

}  // namespace mosaik
