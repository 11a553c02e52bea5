#pragma once
/// What the fuzz targets do with their input. Here, and not in the targets, so that tests/wire/corpus_test.cpp can
/// replay the seed corpora in every build. A broken property is a broken invariant.

#include <algorithm>
#include <vector>

#include <mosaik/serialization/postcard.hpp>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "wire/entry.hpp"
#include "wire/extensions.hpp"
#include "wire/framing.hpp"
#include "wire/messages.hpp"

namespace mosaik::fuzz {

using Bytes = std::vector<std::uint8_t>;

inline bool lies_within(BytesView part, BytesView whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

/// The first half of the input is a program of reads, the second half is what they read.
inline void postcard(BytesView input) {
  const BytesView program = input.first(input.size() / 2);
  const BytesView data = input.subspan(input.size() / 2);
  postcard::Reader reader(data);
  for (const std::uint8_t step : program) {
    const std::size_t before = reader.position();
    switch (step % 10) {
      case 0: reader.u8(); break;
      case 1: reader.boolean(); break;
      case 2: MOSAIK_ASSERT(reader.varint(16) <= 0xffff); break;
      case 3: MOSAIK_ASSERT(reader.varint(32) <= 0xffffffff); break;
      case 4: {
        Bytes again;
        postcard::Writer(again).varint(reader.varint());
        MOSAIK_ASSERT(!reader.ok() || again.size() <= reader.position() - before);
        break;
      }
      case 5: {
        const std::int64_t value = reader.zigzag();
        Bytes again;
        postcard::Writer(again).zigzag(value);
        postcard::Reader second(again);
        MOSAIK_ASSERT(second.zigzag() == value && second.finished());
        break;
      }
      case 6: MOSAIK_ASSERT(lies_within(reader.bytes(), data)); break;
      case 7: MOSAIK_ASSERT(lies_within(bytes_of(reader.text()), data)); break;
      case 8: MOSAIK_ASSERT(reader.count(1U + step / 10U) <= data.size()); break;
      case 9: reader.id<PeerId>(); break;
    }
    MOSAIK_ASSERT(reader.position() >= before && reader.position() <= data.size());
  }
}

/// What decodes is canonical; what was cut is within the input and its limits.
inline void entry(BytesView input) {
  if (const Result<PeerEntry> decoded = wire::decode_entry(input)) {
    MOSAIK_ASSERT(wire::is_canonical(*decoded));
    Bytes again;
    wire::encode_entry(*decoded, again);
    MOSAIK_ASSERT(std::ranges::equal(again, input));
  }
  postcard::Reader reader(input);
  while (const Result<wire::SignedEntryView> view = wire::cut_signed_entry(reader)) {
    MOSAIK_ASSERT(lies_within(view->whole, input) && view->whole.size() <= limits::entry_bytes);
    MOSAIK_ASSERT(view->entry.size() + view->signature.size() == view->whole.size());
    if (const Result<PeerEntry> decoded = wire::decode_entry(view->entry)) {
      Bytes again;
      wire::encode_entry(*decoded, again);
      MOSAIK_ASSERT(std::ranges::equal(again, view->entry));
    } else {
      // What can be cut can be decoded, but for its form.
      MOSAIK_ASSERT(decoded.error().code == Errc::not_canonical);
    }
  }
}

/// However the stream is cut, the same frames come out. The first byte says how it is cut.
inline void frame(BytesView input) {
  constexpr std::size_t limit = 300;
  if (input.empty()) return;
  const std::size_t step = 1U + input[0];
  BytesView rest = input.subspan(1);
  const auto read_all = [](wire::FrameReader& reader, Bytes& out) {
    while (const std::optional<BytesView> payload = reader.next()) {
      MOSAIK_ASSERT(payload->size() <= limit);
      postcard::Writer(out).bytes(*payload);
    }
  };
  wire::FrameReader whole(limit);
  Bytes expected;
  const bool whole_fed = whole.feed(rest).has_value();
  read_all(whole, expected);

  wire::FrameReader pieces(limit);
  Bytes got;
  bool fed = true;
  while (!rest.empty() && fed) {
    const BytesView piece = rest.first(std::min(step, rest.size()));
    fed = pieces.feed(piece).has_value();
    read_all(pieces, got);
    rest = rest.subspan(piece.size());
  }
  MOSAIK_ASSERT(got == expected);
  MOSAIK_ASSERT((!whole_fed || whole.oversized()) == (!fed || pieces.oversized()));
  if (whole_fed && fed) MOSAIK_ASSERT(whole.at_boundary() == pieces.at_boundary());
}

/// Decodes the bytes as each kind of message; what has an encoder gives the same message again.
inline void messages(BytesView input) {
  const auto wholes = [](const std::vector<wire::SignedEntryView>& entries) {
    std::vector<BytesView> out;
    for (const wire::SignedEntryView& one : entries) out.push_back(one.whole);
    return out;
  };
  if (const auto start = wire::decode_handshake_start(input)) {
    Bytes again;
    wire::encode_handshake_start(start->network, start->group, start->proof, wholes(start->bonds), start->tail, again);
    const auto second = wire::decode_handshake_start(again);
    MOSAIK_ASSERT(second && second->group == start->group && second->bonds.size() == start->bonds.size());
    MOSAIK_ASSERT(std::ranges::equal(second->tail, start->tail));
  }
  if (const auto end = wire::decode_handshake_end(input)) {
    Bytes again;
    wire::encode_handshake_end(end->proof, wholes(end->bonds), end->tail, again);
    const auto second = wire::decode_handshake_end(again);
    MOSAIK_ASSERT(second && second->proof == end->proof && std::ranges::equal(second->tail, end->tail));
  }
  if (const auto snapshot = wire::decode_snapshot(input)) {
    Bytes again;
    wire::encode_snapshot(wholes(*snapshot), again);
    MOSAIK_ASSERT(again.size() <= input.size());
    MOSAIK_ASSERT(wire::decode_snapshot(again)->size() == snapshot->size());
  }
  if (const auto message = wire::decode_bond_message(input)) {
    const auto* raft = std::get_if<wire::Raft>(&*message);
    MOSAIK_ASSERT(raft == nullptr || lies_within(raft->message, input));
  }
  if (const auto block = wire::decode_extensions(input)) {
    Bytes again;
    wire::encode_extensions(*block, again);
    const auto second = wire::decode_extensions(again);
    MOSAIK_ASSERT(second && second->size() == block->size());
  }
}

}  // namespace mosaik::fuzz
