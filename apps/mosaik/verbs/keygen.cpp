#include <mosaik/types/bytes.hpp>

#include "crypto/ed25519.hpp"
#include "runtime/entropy.hpp"
#include "runtime/key_file.hpp"
#include "settings/exit_code.hpp"
#include "verbs/verbs.hpp"
#include "view/output.hpp"

namespace mosaik::command {
namespace {

/// Without a file the key goes to standard output, and so does nothing else: `mosaik keygen > key` works.
int print_key() {
  const Bytes32 seed = runtime::random_bytes32();
  std::fprintf(stderr, "peer id %s\n", crypto::SecretKey::from_seed(seed).id().hex().c_str());
  return print(to_hex(seed) + "\n") ? exit_fine : exit_failure;
}

}  // namespace

int run_keygen(const KeygenOptions& options) {
  if (options.out.empty()) return print_key();
  const Result<runtime::KeyFile> key = runtime::KeyFile::create(options.out);
  if (!key) return report({Errc::io, key.error().message});
  return print(crypto::SecretKey::from_seed(key->seed()).id().hex() + "\n") ? exit_fine : exit_failure;
}

}  // namespace mosaik::command
