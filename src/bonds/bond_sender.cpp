#include "bonds/bond_sender.hpp"

#include <vector>

#include "base/assert.hpp"
#include "wire/messages.hpp"

namespace mosaik::bonds {

namespace {
/// Changes of the own row within this time travel together.
constexpr Nanoseconds row_pause = 20ms;
/// Until a row is offered again to a link that had no room for it.
constexpr Nanoseconds row_retry = 100ms;
}  // namespace

bool BondSender::lacks_row(const LiveBond& bond) const {
  return bond.capabilities.can(Capability::topology_rows) && bond.row_sent != topology_.own().sequence;
}

bool BondSender::ping_with(const MeshContext& context, LiveBond& bond, std::span<const wire::Extension> more) {
  const bool with_row = lacks_row(bond);
  std::vector<wire::Extension> extensions(more.begin(), more.end());
  std::vector<std::uint8_t> row;
  if (with_row) {
    encode_row(topology_.own(), row);
    extensions.push_back({wire::ExtensionTag::topology_row, row});
  }
  // A block with more of them is no block to the peer.
  MOSAIK_ASSERT(extensions.size() <= wire::extensions_per_block);
  std::vector<std::uint8_t> tail;
  if (!extensions.empty()) wire::encode_extensions(extensions, tail);
  const Frame frame = environment_.frames.make([&](auto& out) { wire::encode_ping(tail, out); });
  const SendResult result = context.links.send(bond.link, SendClass::liveness, frame);
  if (with_row && result == SendResult::queued) bond.row_sent = topology_.own().sequence;
  // A row that was not taken is sent again soon, and not with the next heartbeat: one that hears much sends none.
  if (with_row && result != SendResult::queued && row_due_ == never) row_due_ = context.now.mono + row_retry;
  return result == SendResult::queued;
}

void BondSender::pong(const MeshContext& context, const LiveBond& bond) {
  const Frame frame = environment_.frames.make([](auto& out) { wire::encode_pong(out); });
  // A full class drops the frame: liveness has more urgent ones queued.
  static_cast<void>(context.links.send(bond.link, SendClass::liveness, frame));
}

void BondSender::tell(const MeshContext& context, const LiveBond& bond, const Frame& frame) {
  static_cast<void>(context.links.send(bond.link, SendClass::catalog, frame));
}

Frame BondSender::entry_update() {
  return environment_.frames.make(
      [&](auto& out) { wire::encode_peer_entry_update(environment_.self.entry()->bytes, out); });
}

Frame BondSender::bond_formed(const identity::EntryRef& entry) {
  return environment_.frames.make([&](auto& out) { wire::encode_bond_formed(entry->bytes, out); });
}

Frame BondSender::departure() {
  return environment_.frames.make([](auto& out) { wire::encode_departure(out); });
}

void BondSender::on_row_changed(const Now& now) {
  if (row_due_ == never) row_due_ = now.mono + row_pause;
}

}  // namespace mosaik::bonds
