#include "wire/entry.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "base/limits.hpp"
#include "wire/semver.hpp"

namespace mosaik::wire {
namespace {

constexpr std::size_t signature_bytes = 64;

/// Variant indices (spec: discovery 1.5, delta 3.4).
enum class AddressKind : std::uint8_t { relay, ip, custom };
enum class IpKind : std::uint8_t { v4, v6 };

bool is_printable_ascii(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

/// Walks the fields of an entry in their order on the wire (spec: discovery 1.9). Builds the entry when there is one to
/// build; cutting an entry out of a message is the same walk without.
class EntryWalk {
 public:
  EntryWalk(postcard::Reader& reader, PeerEntry* entry) noexcept : reader_(reader), entry_(entry) {}

  /// What went wrong, or nothing.
  [[nodiscard]] std::optional<Error> run() {
    walk_protocol();
    const auto network = reader_.id<NetworkId>();
    const EntryVersion version = {.started = reader_.zigzag(), .updated = reader_.zigzag()};
    const auto id = reader_.id<PeerId>();
    if (entry_ != nullptr) {
      entry_->network = network;
      entry_->version = version;
      entry_->id = id;
    }
    walk_addresses();
    walk_ids("tags", &PeerEntry::tags);
    walk_ids("streams", &PeerEntry::streams);
    walk_ids("functions", &PeerEntry::functions);
    walk_ids("groups", &PeerEntry::groups);
    walk_tickets();
    if (!reader_.ok() && !error_) error_ = Error{Errc::malformed, "a peer entry that does not decode"};
    return std::move(error_);
  }

 private:
  void walk_protocol() {
    const std::string_view text = reader_.text();
    if (exceeds("protocol text", text.size(), limits::entry_protocol) || !reader_.ok()) return;
    const std::optional<SemVer> version = parse_semver(text);
    if (!version) return reject(Errc::malformed, "a peer entry whose protocol text is no SemVer");
    if (is_below(*version, 0, 4)) {
      return reject(Errc::old_entry_layout, "peer speaks the 0.3 entry layout (protocol " + std::string(text) + ")");
    }
    if (entry_ != nullptr) entry_->protocol = text;
  }

  void walk_addresses() {
    const std::size_t count = reader_.count(2);
    if (exceeds("addresses", count, limits::entry_addresses)) return;
    for (std::size_t i = 0; i < count && reader_.ok(); ++i) walk_address();
  }

  void walk_address() {
    switch (reader_.varint(32)) {
      case static_cast<std::uint64_t>(AddressKind::relay): return walk_relay();
      case static_cast<std::uint64_t>(AddressKind::ip): return walk_ip();
      case static_cast<std::uint64_t>(AddressKind::custom): return walk_custom();
      default: reader_.reject();
    }
  }

  void walk_relay() {
    const std::string_view url = reader_.text();
    if (exceeds("relay URL", url.size(), limits::entry_url)) return;
    if (url.empty() || !is_printable_ascii(url)) reader_.reject();
    if (PeerEntry* const entry = building()) entry->addresses.emplace_back(RelayAddress{std::string(url)});
  }

  void walk_ip() {
    switch (reader_.varint(32)) {
      case static_cast<std::uint64_t>(IpKind::v4): return walk_socket<4>(&SocketAddress::v4);
      case static_cast<std::uint64_t>(IpKind::v6): return walk_socket<16>(&SocketAddress::v6);
      default: reader_.reject();
    }
  }

  template <std::size_t Size, class Make>
  void walk_socket(Make make) {
    std::array<std::uint8_t, Size> octets{};
    const BytesView view = reader_.raw(Size);
    std::ranges::copy(view, octets.begin());
    const auto port = static_cast<std::uint16_t>(reader_.varint(16));
    if (PeerEntry* const entry = building()) entry->addresses.emplace_back(make(octets, port));
  }

  void walk_custom() {
    const std::uint64_t transport = reader_.varint();
    const BytesView data = reader_.bytes();
    if (PeerEntry* const entry = building())
      entry->addresses.emplace_back(CustomAddress{transport, {data.begin(), data.end()}});
  }

  template <class T>
  void walk_ids(const char* what, std::vector<T> PeerEntry::* member) {
    const std::size_t count = reader_.count(T::size);
    if (exceeds(what, count, limits::entry_items)) return;
    PeerEntry* const entry = building();
    if (entry == nullptr) {
      reader_.raw(count * T::size);
      return;
    }
    std::vector<T>& ids = entry->*member;
    ids.reserve(count);
    for (std::size_t i = 0; i < count; ++i) ids.push_back(reader_.id<T>());
  }

  void walk_tickets() {
    const std::size_t count = reader_.count(65);
    if (exceeds("tickets", count, limits::entry_items)) return;
    for (std::size_t i = 0; i < count && reader_.ok(); ++i) {
      const auto id = reader_.id<Digest>();
      const auto kind = reader_.id<Digest>();
      const BytesView data = reader_.bytes();
      if (PeerEntry* const entry = building()) entry->tickets.push_back({id, kind, {data.begin(), data.end()}});
    }
  }

  /// The entry to build, while all is well.
  [[nodiscard]] PeerEntry* building() const noexcept { return reader_.ok() ? entry_ : nullptr; }

  bool exceeds(const char* what, std::size_t have, std::size_t limit) {
    if (have <= limit) return false;
    reject(Errc::limit, std::string("a peer entry with more than ") + std::to_string(limit) + " in its " + what);
    return true;
  }

  /// Keeps the first error only.
  void reject(Errc code, std::string message) {
    if (reader_.ok()) error_ = Error{code, std::move(message)};
    reader_.reject();
  }

  postcard::Reader& reader_;
  PeerEntry* entry_;
  std::optional<Error> error_;
};

void write_address(const RelayAddress& relay, postcard::Writer& writer) {
  writer.varint(static_cast<std::uint64_t>(AddressKind::relay)).text(relay.url);
}

void write_address(const SocketAddress& socket, postcard::Writer& writer) {
  const BytesView octets(socket.octets());
  writer.varint(static_cast<std::uint64_t>(AddressKind::ip));
  writer.varint(static_cast<std::uint64_t>(socket.is_v4() ? IpKind::v4 : IpKind::v6));
  writer.raw(octets.first(socket.is_v4() ? 4 : 16)).varint(socket.port());
}

void write_address(const CustomAddress& custom, postcard::Writer& writer) {
  writer.varint(static_cast<std::uint64_t>(AddressKind::custom)).varint(custom.transport).bytes(custom.data);
}

template <class T>
void write_ids(const std::vector<T>& ids, postcard::Writer& writer) {
  writer.varint(ids.size());
  for (const T& id : ids) writer.id(id);
}

void write_canonical(const PeerEntry& entry, std::vector<std::uint8_t>& out) {
  postcard::Writer writer(out);
  writer.text(entry.protocol).id(entry.network);
  writer.zigzag(entry.version.started).zigzag(entry.version.updated);
  writer.id(entry.id).varint(entry.addresses.size());
  for (const TransportAddress& address : entry.addresses)
    std::visit([&writer](const auto& one) { write_address(one, writer); }, address);
  write_ids(entry.tags, writer);
  write_ids(entry.streams, writer);
  write_ids(entry.functions, writer);
  write_ids(entry.groups, writer);
  writer.varint(entry.tickets.size());
  for (const Ticket& ticket : entry.tickets) writer.id(ticket.id).id(ticket.kind).bytes(ticket.data);
}

template <class T>
bool ascends(const std::vector<T>& set) {
  return std::ranges::adjacent_find(set, std::greater_equal<>{}) == set.end();
}

template <class T>
void make_ascend(std::vector<T>& set) {
  std::ranges::sort(set);
  set.erase(std::unique(set.begin(), set.end()), set.end());
}

}  // namespace

bool is_canonical(const PeerEntry& entry) {
  return ascends(entry.addresses) && ascends(entry.tags) && ascends(entry.streams) && ascends(entry.functions) &&
         ascends(entry.groups) &&
         std::ranges::adjacent_find(entry.tickets, std::greater_equal<>{}, &Ticket::id) == entry.tickets.end();
}

PeerEntry canonical(PeerEntry entry) {
  make_ascend(entry.addresses);
  make_ascend(entry.tags);
  make_ascend(entry.streams);
  make_ascend(entry.functions);
  make_ascend(entry.groups);
  std::ranges::sort(entry.tickets);
  const auto doubles = std::ranges::unique(entry.tickets, {}, &Ticket::id);
  entry.tickets.erase(doubles.begin(), doubles.end());
  return entry;
}

void encode_entry(const PeerEntry& entry, std::vector<std::uint8_t>& out) {
  if (is_canonical(entry)) {
    write_canonical(entry, out);
  } else {
    write_canonical(canonical(entry), out);
  }
}

Result<SignedEntryView> cut_signed_entry(postcard::Reader& reader) {
  const BytesView from = reader.rest();
  const std::size_t start = reader.position();
  if (std::optional<Error> error = EntryWalk(reader, nullptr).run()) return std::unexpected(std::move(*error));
  const std::size_t size = reader.position() - start;
  const BytesView signature = reader.raw(signature_bytes);
  if (!reader.ok()) return fail(Errc::malformed, "a peer entry without its whole signature");
  if (size + signature_bytes > limits::entry_bytes) {
    reader.reject();
    return fail(Errc::limit, "a signed peer entry of more than " + std::to_string(limits::entry_bytes) + " bytes");
  }
  return SignedEntryView{from.first(size), signature, from.first(size + signature_bytes)};
}

Result<PeerEntry> decode_entry(BytesView bytes) {
  if (bytes.size() > limits::entry_bytes - signature_bytes) {
    return fail(Errc::limit, "a peer entry of " + std::to_string(bytes.size()) + " bytes");
  }
  postcard::Reader reader(bytes);
  PeerEntry entry;
  if (std::optional<Error> error = EntryWalk(reader, &entry).run()) return std::unexpected(std::move(*error));
  if (!reader.finished()) return fail(Errc::malformed, "bytes behind a peer entry");
  std::vector<std::uint8_t> again;
  again.reserve(bytes.size());
  encode_entry(entry, again);
  if (!std::ranges::equal(again, bytes)) return fail(Errc::not_canonical, "a peer entry that is not in canonical form");
  return entry;
}

}  // namespace mosaik::wire
