#pragma once
/// The file that keeps a node's identity: 64 hexadecimal digits of an Ed25519 seed, and optionally a newline.
///
/// Two nodes with one identity would take each other's bonds down, so the file is locked (flock) as long as this object
/// lives; the system gives the lock back when the process dies. A file that is damaged is never replaced: the peers of
/// this node know it by its key.

#include <memory>
#include <string>

#include <mosaik/types/bytes.hpp>
#include <mosaik/types/result.hpp>

#include "runtime/secret_file.hpp"

namespace mosaik::runtime {

class KeyFile {
 public:
  /// Reads and locks the key; a missing file is made first, with a new key and mode 0600: whole and on disk, or not at
  /// all. Errors: permission (others may read it), malformed (damaged), in_use (locked), invalid_argument, io.
  [[nodiscard]] static Result<KeyFile> open(const std::string& path);
  /// Makes a new file, and only that. Errors: in_use when there is a file already; io.
  [[nodiscard]] static Result<KeyFile> create(const std::string& path);

  KeyFile(KeyFile&&) noexcept = default;
  KeyFile& operator=(KeyFile&&) noexcept = default;
  KeyFile(const KeyFile&) = delete;
  KeyFile& operator=(const KeyFile&) = delete;
  ~KeyFile() = default;

  /// In secret memory: do not copy it elsewhere. Not of a file that was moved from.
  [[nodiscard]] const Bytes32& seed() const noexcept { return *seed_; }

 private:
  KeyFile() : seed_(crypto::make_secret32()) {}
  [[nodiscard]] static Result<KeyFile> load(const std::string& path);
  Descriptor file_;
  std::shared_ptr<Bytes32> seed_;
};

}  // namespace mosaik::runtime
