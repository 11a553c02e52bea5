#include <mosaik/serialization/postcard.hpp>

namespace mosaik::postcard {
namespace {

/// Length of the UTF-8 sequence that starts `bytes`, or 0 when it is not well formed: no overlong forms, no
/// surrogates, nothing beyond U+10FFFF (Unicode 15, table 3-7).
std::size_t sequence_length(BytesView bytes) noexcept {
  const std::uint8_t first = bytes[0];
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xc2 && first < 0xe0   ? 2
                             : (first & 0xf0U) == 0xe0       ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  if (length == 0 || bytes.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((bytes[i] & 0xc0U) != 0x80) return 0;
  const std::uint8_t second = bytes[1];
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second >= 0xa0;
  const bool beyond = first == 0xf4 && second >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

bool is_utf8(BytesView bytes) noexcept {
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    if (length == 0) return false;
    bytes = bytes.subspan(length);
  }
  return true;
}

}  // namespace

std::string_view Reader::text() noexcept {
  const BytesView view = bytes();
  if (ok_ && !is_utf8(view)) ok_ = false;
  if (!ok_) return {};
  return {reinterpret_cast<const char*>(view.data()), view.size()};
}

}  // namespace mosaik::postcard
