#include "wire/extensions.hpp"

#include <algorithm>
#include <string_view>

#include <mosaik/serialization/postcard.hpp>

#include "base/assert.hpp"

namespace mosaik::wire {
namespace {

constexpr std::string_view magic = "mxc1";

bool is_known(ExtensionTag tag) noexcept {
  switch (tag) {
    case ExtensionTag::own_entry:
    case ExtensionTag::capabilities:
    case ExtensionTag::topology_row:
    case ExtensionTag::sentinel_offer:
    case ExtensionTag::opinion:
    case ExtensionTag::engine:
    case ExtensionTag::forget:
    case ExtensionTag::lost_session: return true;
  }
  return false;
}

}  // namespace

std::optional<std::vector<Extension>> decode_extensions(BytesView tail) {
  postcard::Reader reader(tail);
  if (!std::ranges::equal(reader.raw(magic.size()), bytes_of(magic))) return std::nullopt;
  const std::size_t count = reader.count(2);
  if (count > extensions_per_block) return std::nullopt;
  std::vector<Extension> out;
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    const auto tag = static_cast<ExtensionTag>(reader.varint(32));
    const BytesView value = reader.bytes();
    if (is_known(tag)) out.push_back({tag, value});
  }
  if (!reader.ok()) return std::nullopt;
  return out;
}

void encode_extensions(std::span<const Extension> extensions, std::vector<std::uint8_t>& out) {
  MOSAIK_ASSERT(extensions.size() <= extensions_per_block);
  postcard::Writer writer(out);
  writer.raw(bytes_of(magic)).varint(extensions.size());
  for (const Extension& extension : extensions)
    writer.varint(static_cast<std::uint32_t>(extension.tag)).bytes(extension.value);
}

}  // namespace mosaik::wire
