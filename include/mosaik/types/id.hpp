#pragma once
/// Identifiers: 32 opaque bytes each, a type of its own for each meaning, ordered bytewise.
/// On the wire an identifier is its 32 bytes with no prefix (docs/protocol/encoding.md).

#include <compare>
#include <functional>
#include <optional>
#include <ostream>

#include <mosaik/export.hpp>
#include <mosaik/types/bytes.hpp>

namespace mosaik {

/// A strong 32-byte identifier. `Kind` only tells types apart.
template <class Kind>
class Id {
 public:
  static constexpr std::size_t size = 32;

  constexpr Id() noexcept = default;
  constexpr explicit Id(const Bytes32& bytes) noexcept : bytes_(bytes) {}

  /// Exactly 64 hexadecimal digits, either case; anything else is no id.
  [[nodiscard]] static constexpr std::optional<Id> from_hex(std::string_view text) noexcept {
    Id id;
    if (!mosaik::from_hex(text, id.bytes_)) return std::nullopt;
    return id;
  }

  [[nodiscard]] constexpr const Bytes32& bytes() const noexcept { return bytes_; }
  [[nodiscard]] constexpr BytesView view() const noexcept { return bytes_; }
  [[nodiscard]] constexpr bool is_zero() const noexcept { return bytes_ == Bytes32{}; }
  /// 64 lower-case hexadecimal digits.
  [[nodiscard]] std::string hex() const { return to_hex(bytes_); }
  /// The first five bytes as 10 hexadecimal digits: the form for people.
  [[nodiscard]] std::string brief() const { return to_hex(view().first(5)); }

  friend constexpr std::strong_ordering operator<=>(const Id& x, const Id& y) noexcept {
    // Ids are keys and hashes: their first bytes tell nearly all of them apart.
    for (std::size_t i = 0; i < size; ++i)
      if (x.bytes_[i] != y.bytes_[i]) return x.bytes_[i] <=> y.bytes_[i];
    return std::strong_ordering::equal;
  }
  friend constexpr bool operator==(const Id&, const Id&) noexcept = default;
  friend std::ostream& operator<<(std::ostream& out, const Id& id) { return out << id.brief(); }

 private:
  Bytes32 bytes_{};
};

/// BLAKE3-256 of something, or any other 32 bytes used as one (spec: groups 1.5, discovery 1.2).
class MOSAIK_EXPORT Digest : public Id<struct DigestKind> {
 public:
  using Id::Id;
  constexpr Digest(const Id<DigestKind>& id) noexcept : Id(id) {}  // NOLINT(google-explicit-constructor)

  /// The text rule: 64 hexadecimal digits are decoded, anything else is hashed.
  [[nodiscard]] static Digest of(std::string_view text);
  /// BLAKE3-256 of `bytes`.
  [[nodiscard]] static Digest hash(BytesView bytes);
  /// BLAKE3-256 of this digest followed by `info`.
  [[nodiscard]] Digest derive(BytesView info) const;
  /// BLAKE3-256 of this digest.
  [[nodiscard]] Digest hashed() const;
};

/// Ed25519 public key of a node: 32 bytes, compressed Edwards y (RFC 8032).
using PeerId = Id<struct PeerIdKind>;
/// Names the network; peers of another network are never talked to (spec: discovery 1.2).
using NetworkId = Id<struct NetworkIdKind>;
/// Names a group: folds the group key, heartbeat settings and the machine (spec: groups 2.2).
using GroupId = Id<struct GroupIdKind>;
/// Names the bond of two peers in a group; the same at every member, never a credential (spec: extensions 4).
using BondId = Id<struct BondIdKind>;
/// One establishment of a bond: a TLS exporter value, what a Rust node calls its bond id (spec: groups 3.1).
using SessionId = Id<struct SessionIdKind>;
/// A label in a peer entry; made from text by the rule of Digest::of.
using Tag = Id<struct TagKind>;
/// A stream or a function that a Rust peer offers: read from its entry and passed on, not used here.
using StreamId = Id<struct StreamIdKind>;
using FunctionId = Id<struct FunctionIdKind>;

/// The id of type `T` that stands for `text`: 64 hexadecimal digits are decoded, anything else is hashed.
template <class T>
[[nodiscard]] T id_of(std::string_view text) {
  return T(Digest::of(text).bytes());
}

}  // namespace mosaik

/// The first eight bytes: ids are keys and hashes already.
template <class Kind>
struct std::hash<mosaik::Id<Kind>> {
  std::size_t operator()(const mosaik::Id<Kind>& id) const noexcept {
    std::size_t value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i) value = value << 8U | id.bytes()[i];
    return value;
  }
};
