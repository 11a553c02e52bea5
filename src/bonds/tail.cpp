#include "bonds/tail.hpp"

#include <utility>

#include <mosaik/postcard.hpp>

namespace mosaik::bonds {

namespace {
std::vector<std::uint8_t> value_of(Capabilities capabilities) {
  std::vector<std::uint8_t> out;
  postcard::Writer(out).varint(capabilities.bits);
  return out;
}
}  // namespace

Tail read_tail(BytesView tail, identity::Verifier& verifier) {
  Tail out;
  const auto extensions = codec::decode_extensions(tail);
  if (!extensions) return out;
  out.present = true;
  bool entry_seen = false;
  for (const codec::Extension& extension : *extensions) {
    switch (extension.tag) {
      case codec::ExtensionTag::own_entry:
        // Only the first: a signature costs more to check than to send.
        if (std::exchange(entry_seen, true)) break;
        if (auto entry = verifier.verify(extension.value)) out.own_entry = *entry;
        break;
      case codec::ExtensionTag::capabilities: {
        postcard::Reader reader(extension.value);
        const std::uint64_t bits = reader.varint();
        if (reader.ok()) out.capabilities.bits = bits;
        break;
      }
      case codec::ExtensionTag::topology_row:
      case codec::ExtensionTag::canary_offer:
      case codec::ExtensionTag::opinion: break;
    }
  }
  return out;
}

std::vector<std::uint8_t> handshake_tail(const identity::EntryRef& own_entry, Capabilities can) {
  const std::vector<std::uint8_t> capabilities = value_of(can);
  std::vector<codec::Extension> extensions;
  if (own_entry) extensions.push_back({codec::ExtensionTag::own_entry, own_entry->bytes});
  extensions.push_back({codec::ExtensionTag::capabilities, capabilities});
  std::vector<std::uint8_t> out;
  codec::encode_extensions(extensions, out);
  return out;
}

}  // namespace mosaik::bonds
