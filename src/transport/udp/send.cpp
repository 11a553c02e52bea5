#include <netinet/udp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/assert.hpp"
#include "base/sockaddr.hpp"
#include "transport/udp/socket.hpp"

namespace mosaik::udp {
namespace {

constexpr std::size_t oversized_kept = 8;    // between two turns; each says the same of its link
constexpr std::size_t oversized_start = 64;  // bytes, as an ICMP error would quote

/// One sendmsg with its control messages: the address to leave from, and how to cut the bytes up.
class Message {
 public:
  Message(const SocketAddress& to, const SocketAddress& from) noexcept : to_(to) {
    header_.msg_name = &to_;
    header_.msg_namelen = to_.size();
    header_.msg_iov = &piece_;
    header_.msg_iovlen = 1;
    header_.msg_control = control_.data();
    if (from.is_unspecified()) return;
    if (from.is_v4()) {
      in_pktinfo info{};
      info.ipi_spec_dst = to_in_addr(from);
      append(IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    } else {
      in6_pktinfo info{};
      info.ipi6_addr = to_in6_addr(from);
      info.ipi6_ifindex = from.scope();
      append(IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    }
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  /// 0, or the error of the system call. `segment` 0: one datagram.
  int send(int fd, BytesView bytes, std::size_t segment) noexcept {
    piece_ = {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};  // sendmsg only reads, its type cannot say so
    const std::size_t mark = used_;
    if (segment != 0) {
      const auto size = static_cast<std::uint16_t>(segment);
      append(IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size);
    }
    header_.msg_controllen = used_;
    used_ = mark;
    ssize_t sent = 0;
    do {
      sent = ::sendmsg(fd, &header_, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? errno : 0;
  }

 private:
  void append(int level, int type, const void* value, std::size_t size) noexcept {
    MOSAIK_ASSERT(used_ + CMSG_SPACE(size) <= control_.size());
    auto* at = reinterpret_cast<cmsghdr*>(control_.data() + used_);
    at->cmsg_level = level;
    at->cmsg_type = type;
    at->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(at), value, size);
    used_ += CMSG_SPACE(size);
  }

  Sockaddr to_;
  iovec piece_{};
  msghdr header_{};
  alignas(cmsghdr)
      std::array<unsigned char, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(std::uint16_t))> control_{};
  std::size_t used_ = 0;
};

/// Sends, and tries again when the error may be that of an earlier datagram to somebody else: an ICMP error waits at
/// the socket, and the next system call of any kind is told. Each telling takes it off, so a few tries are enough.
int send_past_old_errors(Message& message, int fd, BytesView bytes, std::size_t segment, std::uint64_t& calls) {
  constexpr int tries = 4;
  int error = 0;
  for (int i = 0; i < tries; ++i) {
    ++calls;
    error = message.send(fd, bytes, segment);
    if (error == 0 || error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM) break;
    if (segment != 0 && (error == EIO || error == EINVAL)) break;  // not of ICMP: about cutting up
  }
  return error;
}

std::size_t datagrams_in(std::size_t bytes, std::size_t segment) {
  return (bytes + segment - 1) / segment;
}

}  // namespace

bool Socket::send(const DatagramPath& path, BytesView bytes, std::size_t segment) {
  if (bytes.empty()) return true;
  if (segment == 0 || segment > bytes.size()) segment = bytes.size();
  const bool own_family = path.remote.family() == local_.family() &&
                          (path.local.is_unspecified() || path.local.family() == local_.family());
  if (!own_family) {
    counters_.lost += datagrams_in(bytes.size(), segment);
    return true;
  }
  Message message(path.remote, path.local);
  bool whole = gso_;  // this item in as few calls as possible
  while (!bytes.empty()) {
    const std::size_t most = whole ? std::clamp<std::size_t>(gso_bytes / segment, 1, gso_segments) * segment : segment;
    const BytesView piece = bytes.first(std::min(most, bytes.size()));
    const bool cut = piece.size() > segment;
    const int error = send_past_old_errors(message, fd(), piece, cut ? segment : 0, counters_.send_calls);
    if (error == EAGAIN || error == EWOULDBLOCK) {
      ++counters_.blocked;
      return false;
    }
    if (cut && (error == EIO || error == EINVAL || error == EMSGSIZE)) {
      // No GSO on this device or kernel, or a path that refuses any datagram of ours: the single datagrams will tell.
      whole = false;
      continue;
    }
    if (error == 0) {
      counters_.sent += datagrams_in(piece.size(), segment);
      if (!whole && piece.size() == segment) gso_ = false;  // a whole segment can go, so cutting up was what failed
    } else {
      counters_.lost += datagrams_in(piece.size(), segment);  // UDP may lose; QUIC repeats
      if (error == EMSGSIZE && oversized_.size() < oversized_kept) {
        const BytesView start = piece.first(std::min(piece.size(), oversized_start));
        oversized_.push_back({path.remote, {start.begin(), start.end()}, std::min(segment, piece.size())});
      }
    }
    bytes = bytes.subspan(piece.size());
  }
  return true;
}

}  // namespace mosaik::udp
