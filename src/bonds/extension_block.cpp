#include "bonds/extension_block.hpp"

#include <algorithm>
#include <utility>

#include <mosaik/serialization/postcard.hpp>

#include "base/limits.hpp"

namespace mosaik::bonds {

namespace {
std::vector<std::uint8_t> varint(std::uint64_t value) {
  std::vector<std::uint8_t> out;
  postcard::Writer(out).varint(value);
  return out;
}
std::optional<std::uint64_t> read_varint(BytesView value) {
  postcard::Reader reader(value);
  const std::uint64_t out = reader.varint();
  return reader.ok() ? std::optional(out) : std::nullopt;
}
std::optional<SessionId> read_session(BytesView value) {
  if (value.size() != SessionId::size) return std::nullopt;
  Bytes32 out;
  std::ranges::copy(value, out.begin());
  return SessionId(out);
}
}  // namespace

ExtensionBlock read_tail(BytesView tail, identity::Verifier& verifier) {
  ExtensionBlock out;
  const auto extensions = wire::decode_extensions(tail);
  if (!extensions) return out;
  out.present = true;
  bool entry_seen = false;
  for (const wire::Extension& extension : *extensions) {
    switch (extension.tag) {
      case wire::ExtensionTag::own_entry:
        // Only the first: a signature costs more to check than to send.
        if (std::exchange(entry_seen, true)) break;
        if (auto entry = verifier.verify(extension.value)) out.own_entry = *entry;
        break;
      case wire::ExtensionTag::capabilities:
        if (const auto bits = read_varint(extension.value)) out.capabilities.bits = *bits;
        break;
      case wire::ExtensionTag::engine:
        if (extension.value.size() <= engine_payload_bytes)
          out.engine.assign(extension.value.begin(), extension.value.end());
        break;
      case wire::ExtensionTag::lost_session: out.lost_session = read_session(extension.value); break;
      case wire::ExtensionTag::topology_row:
      case wire::ExtensionTag::sentinel_offer:
      case wire::ExtensionTag::forget:
      case wire::ExtensionTag::opinion: break;
    }
  }
  return out;
}

std::vector<std::uint8_t> handshake_tail(const identity::EntryRef& own_entry, Capabilities can, BytesView engine,
                                         std::optional<SessionId> lost_session) {
  const std::vector<std::uint8_t> capabilities = varint(can.bits);
  std::vector<wire::Extension> extensions;
  if (own_entry) extensions.push_back({wire::ExtensionTag::own_entry, own_entry->bytes});
  extensions.push_back({wire::ExtensionTag::capabilities, capabilities});
  if (!engine.empty()) extensions.push_back({wire::ExtensionTag::engine, engine});
  if (lost_session) extensions.push_back({wire::ExtensionTag::lost_session, lost_session->view()});
  std::vector<std::uint8_t> out;
  wire::encode_extensions(extensions, out);
  return out;
}

}  // namespace mosaik::bonds
