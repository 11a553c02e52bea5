#pragma once
/// postcard 1.x: the encoding of everything on the wire (docs/protocol/encoding.md).
///
/// A Writer appends to a byte vector. A Reader walks a span and keeps the first error: after it every read
/// returns zero or empty, and `ok()` is false; so a decoder reads all its fields and asks once.
/// Nothing is allocated on the word of a length: `bytes()` and `text()` return views into the input,
/// and `count()` refuses more items than the bytes that are left could hold.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <mosaik/export.hpp>
#include <mosaik/types/bytes.hpp>
#include <mosaik/types/id.hpp>

namespace mosaik::postcard {

class Writer {
 public:
  explicit Writer(std::vector<std::uint8_t>& out) noexcept : out_(&out) {}

  Writer& u8(std::uint8_t value) {
    out_->push_back(value);
    return *this;
  }
  Writer& boolean(bool value) { return u8(value ? 1 : 0); }
  /// Unsigned LEB128, as short as can be; for u16 up to u64, lengths and enum indices.
  Writer& varint(std::uint64_t value) {
    while (value >= 0x80) {
      out_->push_back(static_cast<std::uint8_t>(value | 0x80U));
      value >>= 7U;
    }
    out_->push_back(static_cast<std::uint8_t>(value));
    return *this;
  }
  /// Zigzag, then varint; for i16 up to i64.
  Writer& zigzag(std::int64_t value) {
    return varint((static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63));
  }
  /// Bytes with no prefix: ids, signatures, fixed arrays.
  Writer& raw(BytesView bytes) {
    out_->insert(out_->end(), bytes.begin(), bytes.end());
    return *this;
  }
  template <class Kind>
  Writer& id(const Id<Kind>& value) {
    return raw(value.view());
  }
  /// Length, then bytes.
  Writer& bytes(BytesView value) {
    varint(value.size());
    return raw(value);
  }
  /// Length, then UTF-8.
  Writer& text(std::string_view value) { return bytes(bytes_of(value)); }

 private:
  std::vector<std::uint8_t>* out_;
};

class Reader {
 public:
  explicit Reader(BytesView input) noexcept : input_(input) {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  /// True when nothing failed and nothing is left.
  [[nodiscard]] bool finished() const noexcept { return ok_ && at_ == input_.size(); }
  [[nodiscard]] std::size_t position() const noexcept { return at_; }
  /// What has not been read yet; empty after an error.
  [[nodiscard]] BytesView rest() const noexcept { return ok_ ? input_.subspan(at_) : BytesView{}; }
  /// Marks the input as malformed: for rules that the reader cannot know.
  void reject() noexcept { ok_ = false; }

  std::uint8_t u8() noexcept {
    if (!need(1)) return 0;
    return input_[at_++];
  }
  bool boolean() noexcept {
    const std::uint8_t value = u8();
    if (value > 1) ok_ = false;
    return ok_ && value == 1;
  }
  /// LEB128 of an integer of `bits` bits. Zero padding is accepted within the byte limit, a value beyond the range is
  /// not.
  std::uint64_t varint(unsigned bits = 64) noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < bits; shift += 7) {
      const std::uint8_t byte = u8();
      if (!ok_) return 0;
      const unsigned room = bits - shift;
      if (room < 7 && (byte & 0x7FU) >> room != 0) break;
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    ok_ = false;
    return 0;
  }
  std::int64_t zigzag() noexcept {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
  }
  /// Exactly `size` bytes; a view into the input.
  BytesView raw(std::size_t size) noexcept {
    if (!need(size)) return {};
    const BytesView out = input_.subspan(at_, size);
    at_ += size;
    return out;
  }
  template <class T>
  T id() noexcept {
    Bytes32 out{};
    const BytesView view = raw(32);
    if (ok_) std::copy(view.begin(), view.end(), out.begin());
    return T(out);
  }
  /// Length, then that many bytes; a view into the input.
  BytesView bytes() noexcept {
    const std::uint64_t size = varint();
    if (size > remaining()) ok_ = false;
    return ok_ ? raw(static_cast<std::size_t>(size)) : BytesView{};
  }
  /// Length, then valid UTF-8; a view into the input.
  MOSAIK_EXPORT std::string_view text() noexcept;
  /// A number of items that take at least `least` bytes each; more than the rest can hold is an error.
  std::size_t count(std::size_t least) noexcept {
    const std::uint64_t items = varint();
    if (least == 0 || items > remaining() / least) ok_ = false;
    return ok_ ? static_cast<std::size_t>(items) : 0;
  }

 private:
  [[nodiscard]] std::size_t remaining() const noexcept { return input_.size() - at_; }
  bool need(std::size_t size) noexcept {
    if (!ok_ || size > remaining()) ok_ = false;
    return ok_;
  }

  BytesView input_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace mosaik::postcard
