#include <ctime>  // errqueue.h needs timespec and does not bring it

#include <linux/errqueue.h>
#include <netinet/udp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/assert.hpp"
#include "base/sockaddr.hpp"
#include "transport/udp/buffers.hpp"
#include "transport/udp/socket.hpp"

namespace mosaik::udp {
namespace {

constexpr std::size_t control_bytes = 256;
// Routers quote up to what keeps an ICMP message below 576 (RFC 1812) or 1280 bytes (RFC 4443).
constexpr std::size_t quoted_bytes = 2048;
constexpr int errors_at_once = 1024;  // a turn of the error queue; the descriptor stays in error when there is more
constexpr std::size_t expected_batch = 32;  // datagrams that one GRO batch may hold when it comes thick

template <class T>
T value_of(const cmsghdr* message) noexcept {
  T out{};
  std::memcpy(&out, CMSG_DATA(message), sizeof out);
  return out;
}

/// What the control messages of a datagram say.
struct Notes {
  SocketAddress local;
  std::size_t segment = 0;  ///< 0: one datagram
};

Notes read_notes(msghdr& header, const SocketAddress& bound) noexcept {
  Notes out{.local = bound};
  for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
    if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
      // ipi_spec_dst: the address to answer from; it differs from the header's only for broadcasts.
      out.local = from_in_addr(value_of<in_pktinfo>(at).ipi_spec_dst, bound.port());
    } else if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
      const auto info = value_of<in6_pktinfo>(at);
      out.local = from_in_addr(info.ipi6_addr, bound.port()).with_scope(info.ipi6_ifindex);
    } else if (at->cmsg_level == IPPROTO_UDP && at->cmsg_type == UDP_GRO) {
      out.segment = static_cast<std::size_t>(std::max(value_of<int>(at), 0));
    }
  }
  return out;
}

/// One recvmmsg: headers, names and control messages for every buffer.
struct Batch {
  std::array<mmsghdr, 8> messages{};
  std::array<iovec, 8> pieces{};
  std::array<sockaddr_storage, 8> names{};
  struct Control {
    alignas(cmsghdr) std::array<unsigned char, control_bytes> bytes;
  };
  std::array<Control, 8> controls;

  void prepare(std::size_t index, std::span<std::uint8_t> buffer) noexcept {
    pieces[index] = {buffer.data(), buffer.size()};
    msghdr& header = messages[index].msg_hdr;
    header = {};
    header.msg_name = &names[index];
    header.msg_namelen = sizeof names[index];
    header.msg_iov = &pieces[index];
    header.msg_iovlen = 1;
    header.msg_control = controls[index].bytes.data();
    header.msg_controllen = controls[index].bytes.size();
  }
};

/// The error, and behind it whose ICMP message it was (SO_EE_OFFENDER).
struct Report {
  sock_extended_err error{};
  sockaddr_in6 offender{};  // or an IPv4 one, which is shorter
};

std::optional<Report> report_in(msghdr& header) noexcept {
  for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
    const bool v4 = at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR;
    const bool v6 = at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR;
    if (!v4 && !v6) continue;
    Report out;
    std::memcpy(&out, CMSG_DATA(at), std::min<std::size_t>(sizeof out, at->cmsg_len - CMSG_LEN(0)));
    return out;
  }
  return std::nullopt;
}

/// What fits into the MTU of the next hop that an ICMP message tells.
std::size_t payload_of(std::uint32_t mtu, bool v4) noexcept {
  const std::uint32_t headers = (v4 ? 20 : 40) + 8;
  return mtu > headers ? mtu - headers : 0;
}

std::optional<Unreachable::Kind> kind_of(const sock_extended_err& error) noexcept {
  if (error.ee_origin != SO_EE_ORIGIN_ICMP && error.ee_origin != SO_EE_ORIGIN_ICMP6) return std::nullopt;
  switch (error.ee_errno) {
    case ECONNREFUSED: return Unreachable::Kind::port;
    case EHOSTUNREACH: return Unreachable::Kind::host;
    case ENETUNREACH: return Unreachable::Kind::net;
    case EMSGSIZE: return Unreachable::Kind::too_big;
    default: return std::nullopt;
  }
}

/// Where a sandbox or an emulation does not know recvmmsg, one datagram at a time; tells so in `batches`.
int read_batch(int fd, Batch& batch, std::size_t wanted, bool& batches) noexcept {
  if (batches) {
    const int got = ::recvmmsg(fd, batch.messages.data(), static_cast<unsigned>(wanted), MSG_DONTWAIT, nullptr);
    batches = got >= 0 || (errno != ENOSYS && errno != EPERM);
    if (batches) return got;
  }
  const ssize_t size = ::recvmsg(fd, &batch.messages[0].msg_hdr, MSG_DONTWAIT);
  if (size < 0) return -1;
  batch.messages[0].msg_len = static_cast<unsigned>(size);
  return 1;
}

}  // namespace

std::size_t Socket::receive(std::size_t most, const std::function<void(const Received&)>& deliver) {
  Batch batch;
  static_assert(std::tuple_size_v<decltype(batch.messages)> == Buffers::count);
  std::size_t delivered = 0;
  int old_errors = 0;  // errors of earlier sends, told here; more than these and the socket is left for the next turn
  while (delivered < most && old_errors < 16) {
    const std::size_t wanted = std::clamp<std::size_t>((most - delivered) / expected_batch, 1, Buffers::count);
    for (std::size_t i = 0; i < wanted; ++i) batch.prepare(i, buffers_->at(i));
    ++counters_.receive_calls;
    const int got = read_batch(fd(), batch, wanted, batches_);
    if (got < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (errno != EINTR) ++old_errors;
      continue;
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
      msghdr& header = batch.messages[i].msg_hdr;
      const auto remote = from_sockaddr(reinterpret_cast<const sockaddr*>(&batch.names[i]));
      if ((header.msg_flags & MSG_TRUNC) != 0 || !remote) {
        ++counters_.truncated;
        continue;
      }
      const Notes notes = read_notes(header, local_);
      BytesView bytes = BytesView(buffers_->at(i)).first(batch.messages[i].msg_len);
      const std::size_t segment = notes.segment == 0 ? std::max<std::size_t>(bytes.size(), 1) : notes.segment;
      do {
        const BytesView one = bytes.first(std::min(segment, bytes.size()));
        bytes = bytes.subspan(one.size());
        ++counters_.received;
        ++delivered;
        deliver(Received{.path = {.local = notes.local, .remote = *remote}, .bytes = one});
      } while (!bytes.empty());
    }
    if (batches_ && static_cast<std::size_t>(got) < wanted) break;  // it is empty, or an error is about to be told
  }
  return delivered;
}

std::size_t Socket::receive_errors(const std::function<void(const Unreachable&)>& deliver) {
  std::array<std::uint8_t, quoted_bytes> quoted;
  alignas(cmsghdr) std::array<unsigned char, 512> control;
  std::size_t delivered = 0;
  for (int i = 0; i < errors_at_once; ++i) {
    sockaddr_storage name{};
    iovec piece{quoted.data(), quoted.size()};
    msghdr header{};
    header.msg_name = &name;
    header.msg_namelen = sizeof name;
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t size = ::recvmsg(fd(), &header, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (size < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      continue;
    }
    const std::optional<Report> report = report_in(header);
    const auto kind = report ? kind_of(report->error) : std::nullopt;
    const auto remote = from_sockaddr(reinterpret_cast<const sockaddr*>(&name));
    if (!kind || !remote) continue;
    const auto offender = from_sockaddr(reinterpret_cast<const sockaddr*>(&report->offender));
    ++delivered;
    deliver(Unreachable{.remote = *remote,
                        .quoted = BytesView(quoted).first(static_cast<std::size_t>(size)),
                        .kind = *kind,
                        .by_destination = offender && offender->with_port(0) == remote->with_port(0),
                        .too_big = {.fits = payload_of(report->error.ee_info, remote->is_v4())}});
  }
  return delivered;
}

void Socket::receive_own_errors(const std::function<void(const Unreachable&)>& deliver) {
  if (oversized_.empty()) return;
  for (const Oversized& one : std::exchange(oversized_, {}))
    deliver(Unreachable{.remote = one.remote,
                        .quoted = one.start,
                        .kind = Unreachable::Kind::too_big,
                        .by_destination = false,
                        .too_big = {.sent = one.size}});
}

}  // namespace mosaik::udp
