#pragma once
/// The secret that members of a group share.

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <mosaik/export.hpp>
#include <mosaik/types/id.hpp>
#include <mosaik/types/result.hpp>

namespace mosaik {

/// 32 secret bytes. Never sent and never printed: the text form is its first and last byte. Copies share one piece of
/// memory, which is left out of core dumps and wiped with the last of them.
/// A passphrase is hashed once, not stretched, and the GroupId is public: use a random key where you can
/// (docs/THREATS.md).
class MOSAIK_EXPORT GroupKey {
 public:
  /// The crate's rule: 64 hexadecimal digits are decoded, any other text is hashed (spec: groups 1.5, 2.1).
  [[nodiscard]] static GroupKey from_secret(std::string_view secret);
  /// The same of the text in a file, without one newline at its end. Errors: not_found, permission (others may read
  /// it), limit, invalid_argument (it is empty), io.
  [[nodiscard]] static Result<GroupKey> from_file(const std::string& path);
  [[nodiscard]] static GroupKey from_bytes(const Bytes32& bytes);
  /// 32 bytes from the operating system.
  [[nodiscard]] static GroupKey random();

  GroupKey(const GroupKey&) noexcept = default;
  GroupKey& operator=(const GroupKey&) noexcept = default;
  ~GroupKey() = default;

  /// The secret itself: hand it to nothing but key derivation.
  [[nodiscard]] const Bytes32& secret() const noexcept { return *secret_; }
  /// `63****5f`.
  [[nodiscard]] std::string redacted() const;
  /// Equal, in a time that does not depend on the content.
  [[nodiscard]] bool equals(const GroupKey& other) const noexcept;

 private:
  explicit GroupKey(std::shared_ptr<const Bytes32> secret) noexcept : secret_(std::move(secret)) {}
  std::shared_ptr<const Bytes32> secret_;  ///< never null: there is no move
};

}  // namespace mosaik
