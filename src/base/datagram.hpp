#pragma once
/// Datagrams on their way between a socket and a core: where they came from, where they go.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <mosaik/types/address.hpp>
#include <mosaik/types/bytes.hpp>

namespace mosaik {

/// The two ends of a datagram, as seen from us. `local` has the address that the datagram was sent to (IP_PKTINFO), so
/// that the answer leaves from there; unspecified when the kernel shall choose. Its port is the socket's.
struct DatagramPath {
  SocketAddress local;
  SocketAddress remote;
  std::uint8_t outlet = 0;  ///< which of our sockets: 0 those that we listen on, else one of limits::fresh_ports others
  friend constexpr bool operator==(const DatagramPath&, const DatagramPath&) noexcept = default;
};

/// What an ICMP unreachable says.
enum class Refusal : std::uint8_t {
  port,  ///< the destination itself says that nobody there has the port
  path,  ///< somebody says that the datagram did not get there
};

/// A datagram did not fit: an ICMP message says so (RFC 1191, RFC 8201), or our own host.
struct TooBig {
  std::size_t fits = 0;  ///< bytes that a datagram on this path may have, without headers; 0: not told
  std::size_t sent = 0;  ///< bytes of the one that did not fit; 0: not known
};

/// What one send with UDP_SEGMENT may hold: Linux takes 64 segments, newer kernels 128; and an IP packet before it is
/// cut up has at most 65,535 bytes with its headers.
inline constexpr std::size_t gso_segments = 64;
inline constexpr std::size_t gso_bytes = 65'000;

/// Datagrams to be sent, in one reused buffer: each item is one or more datagrams of `segment` bytes (the last may be
/// shorter) to one path, fit for one GSO send.
class DatagramBatch {
 public:
  struct Item {
    DatagramPath path;
    std::size_t offset = 0;
    std::size_t size = 0;
    std::size_t segment = 0;
  };

  explicit DatagramBatch(std::size_t capacity) : buffer_(capacity) {}

  /// Free room behind what was written.
  [[nodiscard]] std::span<std::uint8_t> room() noexcept { return std::span(buffer_).subspan(used_); }
  /// Records one datagram of `size` bytes, written at the front of room(). It joins the item before it when the path is
  /// the same, that item's last datagram was whole, this one is no larger, and the item stays within GSO's limits.
  void commit(const DatagramPath& path, std::size_t size);

  [[nodiscard]] std::span<const Item> items() const noexcept { return items_; }
  [[nodiscard]] BytesView bytes(const Item& item) const noexcept {
    return BytesView(buffer_).subspan(item.offset, item.size);
  }
  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  void clear() noexcept {
    items_.clear();
    used_ = 0;
  }

 private:
  std::vector<std::uint8_t> buffer_;
  std::size_t used_ = 0;
  std::vector<Item> items_;
};

}  // namespace mosaik
