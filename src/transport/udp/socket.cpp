#include "transport/udp/socket.hpp"

#include <netinet/udp.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "base/sockaddr.hpp"
#include "transport/udp/buffers.hpp"

namespace mosaik::udp {
namespace {

struct Failure {
  Errc code;
  std::string_view what;
  std::string_view advice;
};

Failure explain(int error) {
  switch (error) {
    case EADDRINUSE:
      return {Errc::in_use, "address already in use", "choose another --listen port or stop the other process"};
    case EADDRNOTAVAIL:
      return {Errc::invalid_argument, "no interface of this computer has this address",
              "choose another --listen address"};
    case EACCES:
    case EPERM: return {Errc::permission, "permission denied", "choose a --listen port above 1023"};
    case EMFILE:
    case ENFILE: return {Errc::limit, "too many open files", "raise the limit (ulimit -n)"};
    case EAFNOSUPPORT:
      return {Errc::io, "this computer does not speak this family of addresses", "choose another --listen address"};
    case ENOMEM:
    case ENOBUFS: return {Errc::limit, "out of memory", "free some memory"};
    default: return {Errc::io, {}, "choose another --listen address"};
  }
}

std::unexpected<Error> cannot_bind(const SocketAddress& address, int error) {
  const Failure failure = explain(error);
  std::string text = "cannot bind " + address.text() + ": ";
  text += failure.what.empty() ? "error " + std::to_string(error) : std::string(failure.what);
  text += "; ";
  text += failure.advice;
  return fail(failure.code, std::move(text));
}

bool set(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/// The kernel caps what an unprivileged process asks for; less room only means more loss under load, so this never
/// fails.
void ask_for_room(int fd, int bytes) {
  if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes)) set(fd, SOL_SOCKET, SO_RCVBUF, bytes);
  if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes)) set(fd, SOL_SOCKET, SO_SNDBUF, bytes);
}

/// What the room promises and cannot do without: the local address and the ICMP errors of each datagram. Path MTU
/// probing sets DF and ignores what the kernel believes of the path: QUIC finds the MTU itself (RFC 9000 14.3).
bool set_promises(int fd, bool v4) {
  if (v4) {
    return set(fd, IPPROTO_IP, IP_PKTINFO, 1) && set(fd, IPPROTO_IP, IP_RECVERR, 1) &&
           set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  }
  return set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) && set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
         set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1) && set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
}

}  // namespace

Result<Socket> Socket::open(const SocketAddress& bind, const SocketOptions& options) {
  Socket out;
  out.fd_ =
      ChildlessDescriptor(::socket(bind.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!out.fd_) return cannot_bind(bind, errno);
  if (!set_promises(out.fd(), bind.is_v4())) return cannot_bind(bind, errno);
  ask_for_room(out.fd(), options.buffer_bytes);
  if (options.gro) set(out.fd(), IPPROTO_UDP, UDP_GRO, 1);
  out.gso_ = options.gso;

  const Sockaddr wanted(bind);
  if (::bind(out.fd(), &wanted.any, wanted.size()) != 0) return cannot_bind(bind, errno);
  Sockaddr bound;
  socklen_t size = sizeof bound;
  if (::getsockname(out.fd(), &bound.any, &size) != 0) return cannot_bind(bind, errno);
  out.local_ = from_sockaddr(&bound.any).value_or(bind);

  out.buffers_ = Buffers::make();
  if (!out.buffers_) return cannot_bind(bind, ENOMEM);
  return out;
}

Socket::Socket(Socket&&) noexcept = default;
Socket& Socket::operator=(Socket&&) noexcept = default;
Socket::~Socket() = default;

}  // namespace mosaik::udp
