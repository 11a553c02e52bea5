#include "consensus/dynamic/outbox.hpp"

#include "base/assert.hpp"

namespace mosaik::consensus {

void Outbox::tell(Event event) {
  actions_.emplace_back(std::in_place_type<Event>, std::move(event));
}

Frame Outbox::frame(const Message& message) {
  scratch_.assign(1, bond_message_raft);
  encode(message, scratch_);
  return pool_.make(scratch_);
}

Frame Outbox::frame(const AppendEntries& head, std::span<const Entry> entries) {
  MOSAIK_ASSERT(head.entries.empty());  // they stand elsewhere, and would be lost
  scratch_.assign(1, bond_message_raft);
  encode_append_entries(head, entries, scratch_);
  return pool_.make(scratch_);
}

}  // namespace mosaik::consensus
