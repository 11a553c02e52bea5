#include <mosaik/keys.hpp>
#include <mosaik/types/bytes.hpp>

#include "settings/exit_code.hpp"
#include "verbs/verbs.hpp"
#include "view/output.hpp"

namespace mosaik::command {
namespace {

/// Without a file the key goes to standard output, and so does nothing else: `mosaik keygen > key` works.
int print_key() {
  Bytes32 key{};
  make_secret_key(key);
  std::fprintf(stderr, "peer id %s\n", peer_id_of(key).hex().c_str());
  return print(to_hex(key) + "\n") ? exit_fine : exit_failure;
}

}  // namespace

int run_keygen(const KeygenOptions& options) {
  if (options.out.empty()) return print_key();
  const Result<PeerId> id = create_key_file(options.out);
  if (!id) return report({Errc::io, id.error().message});
  return print(id->hex() + "\n") ? exit_fine : exit_failure;
}

}  // namespace mosaik::command
