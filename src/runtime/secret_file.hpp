#pragma once
/// Files that hold secrets: read whole, refused when others may read them, wiped from memory afterwards.

#include <string>
#include <string_view>
#include <utility>

#include <mosaik/types/result.hpp>

#include "crypto/secret_memory.hpp"
#include "posix/descriptor.hpp"

namespace mosaik::runtime {

/// A text in secret memory (crypto/secret_memory.hpp). Move-only.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::size_t size) : bytes_(size), size_(size) {}
  Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}
  Secret& operator=(Secret&& other) noexcept {
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() = default;

  [[nodiscard]] static Secret of(std::string_view text);

  [[nodiscard]] std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(bytes_.view().data()), size_};
  }
  [[nodiscard]] std::span<std::uint8_t> bytes() noexcept { return bytes_.bytes().first(size_); }
  /// Forgets all but the first `size` bytes.
  void shorten(std::size_t size) noexcept;

 private:
  crypto::SecretBytes bytes_;
  std::size_t size_ = 0;
};

inline constexpr std::size_t secret_file_bytes = 4096;  ///< a longer file is something else

/// Opens a secret file for reading. `what` names it in errors, e.g. `group secret file`.
/// Errors: those of open_own_file(); permission if others may read it.
[[nodiscard]] Result<Descriptor> open_secret_file(std::string_view what, const std::string& path);

/// The content of an open secret file. Errors: limit, io.
[[nodiscard]] Result<Secret> read_secret(std::string_view what, const std::string& path, const Descriptor& file);

/// A secret that a person wrote into a file: one newline at its end is not part of it.
/// Errors: those of open_secret_file; limit; invalid_argument for an empty one.
[[nodiscard]] Result<Secret> read_secret_file(std::string_view what, const std::string& path);

/// `path` for a shell command that a person may copy from a message.
[[nodiscard]] std::string shell_word(std::string_view path);

}  // namespace mosaik::runtime
