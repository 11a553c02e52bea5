#include "runtime/sentinel_sockets.hpp"

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "base/limits.hpp"
#include "base/sockaddr.hpp"
#include "crypto/hash.hpp"

namespace mosaik::runtime {
namespace {

constexpr int keep_alive_seconds = 60;  // until the first of three tries, that far apart as the next number says
constexpr int keep_alive_pause_seconds = 10;
constexpr int keep_alive_tries = 3;
constexpr int backlog = 64;
constexpr Nanoseconds listener_rest = 1s;  // out of descriptors: nobody lets go of one sooner for our sake
constexpr Nanoseconds warning_pause = 1min;

void set(int fd, int level, int name, int value) {
  // What cannot be had makes a sentinel slower or bigger, never wrong.
  static_cast<void>(::setsockopt(fd, level, name, &value, sizeof value));
}

void make_idle(int fd) {
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, keep_alive_seconds);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, keep_alive_pause_seconds);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, keep_alive_tries);
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

udp::ChildlessDescriptor tcp_socket(const SocketAddress& address) {
  udp::ChildlessDescriptor out(
      ::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (out && !address.is_v4()) set(out.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  return out;
}

std::uint16_t bound_port(int fd) {
  Sockaddr bound;
  socklen_t size = sizeof bound;
  if (::getsockname(fd, &bound.any, &size) != 0) return 0;
  const auto address = from_sockaddr(&bound.any);
  return address ? address->port() : std::uint16_t{0};
}

}  // namespace

SentinelSockets::SentinelSockets(const std::vector<udp::Socket>& beside) : poll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!poll_ || !wakeup_) return;
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  wanted.data.fd = wakeup_.fd();
  if (::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, wakeup_.fd(), &wanted) != 0) return;
  for (const udp::Socket& socket : beside) listen(socket.local().with_port(0));
}

void SentinelSockets::listen(const SocketAddress& address) {
  udp::ChildlessDescriptor socket = tcp_socket(address);
  if (!socket) return;
  const Sockaddr wanted(address);
  if (::bind(socket.get(), &wanted.any, wanted.size()) != 0 || ::listen(socket.get(), backlog) != 0) return;
  (address.is_v4() ? ports_.v4 : ports_.v6) = bound_port(socket.get());
  add(std::move(socket), Stage::listener, EPOLLIN, {});
}

void SentinelSockets::add(udp::ChildlessDescriptor descriptor, Stage stage, std::uint32_t events, Sock sock) {
  const int fd = descriptor.get();
  epoll_event wanted{};
  wanted.events = events;
  wanted.data.fd = fd;
  sock.descriptor = std::move(descriptor);
  sock.stage = stage;
  if (::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, fd, &wanted) == 0) socks_.insert_or_assign(fd, std::move(sock));
}

std::vector<SentinelNews> SentinelSockets::receive(const Now& now) {
  wakeup_.quiet();
  std::array<epoll_event, 64> events{};
  const int count = ::epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const auto at = socks_.find(events[static_cast<std::size_t>(i)].data.fd);
    if (at == socks_.end()) continue;  // the wakeup, or closed by an earlier event of these
    switch (at->second.stage) {
      case Stage::listener: on_listener(now, at); break;
      case Stage::stranger: on_stranger(at); break;
      case Stage::dialing: on_dialing(at); break;
      case Stage::open: on_open(at); break;
    }
  }
  return std::exchange(news_, {});
}

void SentinelSockets::on_listener(const Now& now, Socks::iterator listener) {
  for (int taken = 0; taken < backlog; ++taken) {
    udp::ChildlessDescriptor socket(::accept4(listener->first, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket && is_exhaustion(errno)) return rest(now, listener, errno);
    if (!socket) return;
    const auto stranger = [](const auto& item) { return item.second.stage == Stage::stranger; };
    if (static_cast<std::size_t>(std::ranges::count_if(socks_, stranger)) >= limits::sentinel_strangers) {
      auto oldest = socks_.end();
      for (auto at = socks_.begin(); at != socks_.end(); ++at)
        if (stranger(*at) && (oldest == socks_.end() || at->second.deadline < oldest->second.deadline)) oldest = at;
      socks_.erase(oldest);
    }
    make_idle(socket.get());
    Sock sock;
    sock.deadline = now.mono + limits::sentinel_patience;
    add(std::move(socket), Stage::stranger, EPOLLIN | EPOLLRDHUP, std::move(sock));
  }
}

// The listener stays readable, and epoll would tell so again and again.
void SentinelSockets::rest(const Now& now, Socks::iterator listener, int error) {
  watch(listener->first, 0);
  listener->second.deadline = now.mono + listener_rest;
  if (now.mono < quiet_until_) return;
  quiet_until_ = now.mono + warning_pause;
  warning_ = "connections of members cannot be accepted (" + std::generic_category().message(error) +
             "): the death of a process is noticed later; raise the limit of open files (ulimit -n)";
}

void SentinelSockets::watch(int fd, std::uint32_t events) noexcept {
  epoll_event wanted{};
  wanted.events = events;
  wanted.data.fd = fd;
  static_cast<void>(::epoll_ctl(poll_.get(), EPOLL_CTL_MOD, fd, &wanted));
}

void SentinelSockets::on_stranger(Socks::iterator at) {
  Sock& sock = at->second;
  const auto room = std::span(sock.token).subspan(sock.bytes);
  const ssize_t got = ::recv(at->first, room.data(), room.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    socks_.erase(at);
    return;
  }
  sock.bytes += static_cast<std::size_t>(got);
  if (sock.bytes < sock.token.size()) return;
  auto match = expected_.end();
  for (auto each = expected_.begin(); each != expected_.end(); ++each)
    if (crypto::equal_constant_time(each->token, sock.token)) match = each;
  if (match == expected_.end()) {
    socks_.erase(at);
    return;
  }
  sock.id = match->id;
  sock.stage = Stage::open;
  sock.deadline = never;
  expected_.erase(match);
  news_.push_back({sock.id, std::nullopt});
}

void SentinelSockets::on_dialing(Socks::iterator at) {
  Sock& sock = at->second;
  const ssize_t sent = ::send(at->first, sock.token.data(), sock.token.size(), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN)) return;
  // Into an empty buffer go 32 bytes or none.
  if (sent != static_cast<ssize_t>(sock.token.size())) return end(at, detector::SentinelEnd::failed);
  epoll_event wanted{};
  wanted.events = EPOLLIN | EPOLLRDHUP;
  wanted.data.fd = at->first;
  if (::epoll_ctl(poll_.get(), EPOLL_CTL_MOD, at->first, &wanted) != 0) return end(at, detector::SentinelEnd::failed);
  sock.stage = Stage::open;
  news_.push_back({sock.id, std::nullopt});
}

void SentinelSockets::on_open(Socks::iterator at) {
  std::uint8_t byte = 0;
  const ssize_t got = ::recv(at->first, &byte, 1, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  end(at, got == 0 ? detector::SentinelEnd::finished : detector::SentinelEnd::broken);
}

void SentinelSockets::end(Socks::iterator at, detector::SentinelEnd how) {
  news_.push_back({at->second.id, how});
  socks_.erase(at);
}

void SentinelSockets::expire(const Now& now) {
  for (auto& [fd, sock] : socks_) {
    if (sock.stage != Stage::listener || sock.deadline > now.mono) continue;
    sock.deadline = never;
    watch(fd, EPOLLIN);
  }
  std::erase_if(socks_, [&](const auto& item) { return item.second.deadline <= now.mono; });
}

Mono SentinelSockets::next_deadline() const noexcept {
  Mono next = never;
  for (const auto& [fd, sock] : socks_) next = std::min(next, sock.deadline);
  return next;
}

void SentinelSockets::expect(const detector::ExpectSentinel& sentinel) {
  expected_.push_back(sentinel);
}

void SentinelSockets::dial(const detector::DialSentinel& sentinel) {
  udp::ChildlessDescriptor socket = tcp_socket(sentinel.remote);
  const Sockaddr remote(sentinel.remote);
  if (!socket || (::connect(socket.get(), &remote.any, remote.size()) != 0 && errno != EINPROGRESS)) {
    news_.push_back({sentinel.id, detector::SentinelEnd::failed});
    wakeup_.ring();
    return;
  }
  make_idle(socket.get());
  Sock sock;
  sock.id = sentinel.id;
  sock.token = sentinel.token;
  add(std::move(socket), Stage::dialing, EPOLLOUT, std::move(sock));
}

void SentinelSockets::close(const detector::CloseSentinel& sentinel) {
  std::erase_if(expected_, [&](const detector::ExpectSentinel& each) { return each.id == sentinel.id; });
  std::erase_if(socks_, [&](const auto& item) {
    const bool named = item.second.stage == Stage::dialing || item.second.stage == Stage::open;
    return named && item.second.id == sentinel.id;
  });
}

}  // namespace mosaik::runtime
