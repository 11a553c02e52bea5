#include "consensus/dynamic/messages.hpp"

#include <mosaik/serialization/postcard.hpp>

#include "base/limits.hpp"

namespace mosaik::consensus {
namespace {

using postcard::Reader;
using postcard::Writer;

/// Variant indices (spec: groups 5.1, 5.6, 5.7).
enum class Kind : std::uint8_t {
  append_entries,
  append_entries_response,
  request_vote,
  request_vote_response,
  forward,
  state_sync
};
enum class Forward : std::uint8_t { command, command_ack, query, query_response };
enum class Replay : std::uint8_t { availability_request, availability_response, fetch_request, fetch_response };

template <class E>
E read_index(Reader& in, E last) {
  const std::uint64_t index = in.varint(32);
  if (index > static_cast<std::uint64_t>(last)) in.reject();
  return static_cast<E>(in.ok() ? index : 0);
}
template <class E>
void write_index(Writer& out, E index) {
  out.varint(static_cast<std::uint64_t>(index));
}

// Braces fix the order of reading.
Cursor read_cursor(Reader& in) {
  return Cursor{Term{in.varint()}, Index{in.varint()}};
}
IndexRange read_range(Reader& in) {
  return IndexRange{Index{in.varint()}, Index{in.varint()}};
}

/// A decoder of one message: the reader and the blob whose slices the payloads become.
struct Input {
  const Blob& whole;
  Reader in;

  Blob payload() { return whole.slice(in.bytes()); }
  std::size_t count(std::size_t least) {
    const std::size_t items = in.count(least);
    if (items > limits::message_entries) in.reject();
    return in.ok() ? items : 0;
  }
};

Message read_append_entries(Input& input) {
  Reader& in = input.in;
  AppendEntries out;
  out.term = {in.varint()};
  out.leader = in.id<PeerId>();
  out.previous = read_cursor(in);
  const std::size_t items = input.count(2);
  out.entries.reserve(items);
  for (std::size_t i = 0; i < items && in.ok(); ++i) {
    const Term term{in.varint()};
    out.entries.push_back({term, input.payload()});
  }
  out.leader_commit = {in.varint()};
  return out;
}

Message read_forward(Input& input) {
  Reader& in = input.in;
  switch (read_index(in, Forward::query_response)) {
    case Forward::command: {
      ForwardCommand out;
      const std::size_t items = input.count(1);
      out.commands.reserve(items);
      for (std::size_t i = 0; i < items && in.ok(); ++i) out.commands.push_back(input.payload());
      if (in.boolean()) out.request = in.varint();
      return out;
    }
    case Forward::command_ack: {
      const ForwardId request = in.varint();
      return CommandAck{request, read_range(in)};
    }
    case Forward::query: {
      Blob query = input.payload();
      return ForwardQuery{std::move(query), in.varint()};
    }
    case Forward::query_response: break;
  }
  QueryResponse out;
  out.request = in.varint();
  out.result = input.payload();
  out.position = {in.varint()};
  return out;
}

Message read_replay(Input& input) {
  Reader& in = input.in;
  switch (read_index(in, Replay::fetch_response)) {
    case Replay::availability_request: return AvailabilityRequest{};
    case Replay::availability_response: return AvailabilityResponse{read_range(in)};
    case Replay::fetch_request: return FetchEntriesRequest{read_range(in)};
    case Replay::fetch_response: break;
  }
  FetchEntriesResponse out;
  out.range = read_range(in);
  const std::size_t items = input.count(2);
  out.entries.reserve(items);
  for (std::size_t i = 0; i < items && in.ok(); ++i) {
    Blob command = input.payload();
    out.entries.push_back({Term{in.varint()}, std::move(command)});
  }
  return out;
}

Message read_message(Input& input) {
  Reader& in = input.in;
  switch (read_index(in, Kind::state_sync)) {
    case Kind::append_entries: return read_append_entries(input);
    case Kind::append_entries_response: {
      const Term term{in.varint()};
      const Index last{in.varint()};
      return AppendEntriesResponse{term, last, read_index(in, Vote::abstained)};
    }
    case Kind::request_vote: {
      const Term term{in.varint()};
      const PeerId candidate = in.id<PeerId>();
      return RequestVote{term, candidate, read_cursor(in)};
    }
    case Kind::request_vote_response: {
      const Term term{in.varint()};
      return RequestVoteResponse{term, read_index(in, Vote::abstained)};
    }
    case Kind::forward: return read_forward(input);
    case Kind::state_sync: break;
  }
  return read_replay(input);
}

/// Writes each kind of message.
struct Output {
  Writer out;

  void cursor(const Cursor& at) { out.varint(at.term.value).varint(at.index.value); }
  void range(const IndexRange& range) { out.varint(range.first.value).varint(range.last.value); }
  void forward(Forward kind) {
    write_index(out, Kind::forward);
    write_index(out, kind);
  }
  void replay(Replay kind) {
    write_index(out, Kind::state_sync);
    write_index(out, kind);
  }

  void append_entries(const AppendEntries& head, std::span<const Entry> entries) {
    write_index(out, Kind::append_entries);
    out.varint(head.term.value).id(head.leader);
    cursor(head.previous);
    out.varint(entries.size());
    for (const Entry& entry : entries) out.varint(entry.term.value).bytes(entry.command.view());
    out.varint(head.leader_commit.value);
  }

  void operator()(const AppendEntries& message) { append_entries(message, message.entries); }
  void operator()(const AppendEntriesResponse& message) {
    write_index(out, Kind::append_entries_response);
    out.varint(message.term.value).varint(message.last_index.value);
    write_index(out, message.vote);
  }
  void operator()(const RequestVote& message) {
    write_index(out, Kind::request_vote);
    out.varint(message.term.value).id(message.candidate);
    cursor(message.last);
  }
  void operator()(const RequestVoteResponse& message) {
    write_index(out, Kind::request_vote_response);
    out.varint(message.term.value);
    write_index(out, message.vote);
  }
  void operator()(const ForwardCommand& message) {
    forward(Forward::command);
    out.varint(message.commands.size());
    for (const Blob& command : message.commands) out.bytes(command.view());
    out.boolean(message.request.has_value());
    if (message.request) out.varint(*message.request);
  }
  void operator()(const CommandAck& message) {
    forward(Forward::command_ack);
    out.varint(message.request);
    range(message.assigned);
  }
  void operator()(const ForwardQuery& message) {
    forward(Forward::query);
    out.bytes(message.query.view()).varint(message.request);
  }
  void operator()(const QueryResponse& message) {
    forward(Forward::query_response);
    out.varint(message.request).bytes(message.result.view()).varint(message.position.value);
  }
  void operator()(const AvailabilityRequest&) { replay(Replay::availability_request); }
  void operator()(const AvailabilityResponse& message) {
    replay(Replay::availability_response);
    range(message.range);
  }
  void operator()(const FetchEntriesRequest& message) {
    replay(Replay::fetch_request);
    range(message.range);
  }
  void operator()(const FetchEntriesResponse& message) {
    replay(Replay::fetch_response);
    range(message.range);
    out.varint(message.entries.size());
    for (const Entry& entry : message.entries) out.bytes(entry.command.view()).varint(entry.term.value);
  }
};

}  // namespace

Result<Message> decode(const Blob& message) {
  Input input{message, Reader(message.view())};
  Message out = read_message(input);
  if (!input.in.ok()) return fail(Errc::malformed, "a raft message that does not decode");
  // What follows the message is ignored (spec: groups 12), and must not stay in memory with the payloads.
  const std::size_t rest = input.in.rest().size();
  if (rest > message.size() / 2) return decode(Blob::copy(message.view().first(message.size() - rest)));
  return out;
}

void encode(const Message& message, std::vector<std::uint8_t>& out) {
  std::visit(Output{Writer(out)}, message);
}

void encode_append_entries(const AppendEntries& head, std::span<const Entry> entries, std::vector<std::uint8_t>& out) {
  Output{Writer(out)}.append_entries(head, entries);
}

bool carries_entries(std::span<const std::uint8_t, 2> head) noexcept {
  if (head[0] == static_cast<std::uint8_t>(Kind::append_entries)) return true;
  return head[0] == static_cast<std::uint8_t>(Kind::state_sync) &&
         head[1] == static_cast<std::uint8_t>(Replay::fetch_response);
}

}  // namespace mosaik::consensus
