#include "runtime/poller.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/assert.hpp"
#include "runtime/clock.hpp"

namespace mosaik::runtime {
namespace {

std::unexpected<Error> too_many() {
  return fail(Errc::limit, "cannot watch sockets: too many open files; raise the limit (ulimit -n)");
}

epoll_event interest(std::uint32_t events, std::size_t key) noexcept {
  epoll_event out{};
  out.events = events;
  out.data.u64 = key;
  return out;
}

}  // namespace

Result<Poller> Poller::open() {
  Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return too_many();
  return Poller(std::move(epoll));
}

Result<> Poller::add(int fd, std::size_t key) {
  epoll_event event = interest(EPOLLIN, key);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return too_many();
  return {};
}

void Poller::watch_writable(int fd, std::size_t key, bool watched) {
  epoll_event event = interest(EPOLLIN | (watched ? EPOLLOUT : 0U), key);
  MOSAIK_ASSERT(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

std::span<const Poller::Ready> Poller::wait(Mono until) {
  // A year is as good as never, and every kernel can count it.
  const Nanoseconds left = until == never ? std::chrono::hours(24 * 365) : until - read_mono();
  const Nanoseconds pause = std::clamp<Nanoseconds>(left, 0ns, std::chrono::hours(24 * 365));
  std::array<epoll_event, most> events;
  int got = -1;
  if (exact_) {
    const timespec limit{.tv_sec = pause / 1s, .tv_nsec = (pause % 1s).count()};
    got = ::epoll_pwait2(epoll_.get(), events.data(), most, &limit, nullptr);
    // Linux before 5.11, or a sandbox that does not know the call.
    exact_ = got >= 0 || (errno != ENOSYS && errno != EPERM);
  }
  if (!exact_) {
    // Late by up to a millisecond rather than early: an early wake finds nothing to do and asks again.
    const auto limit = std::min<Nanoseconds>((pause + 999'999ns) / 1ms * 1ms, std::chrono::hours(24));
    got = ::epoll_wait(epoll_.get(), events.data(), most, static_cast<int>(limit / 1ms));
  }
  const std::size_t count = got > 0 ? static_cast<std::size_t>(got) : 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t what = events[i].events;
    ready_[i] = {.key = static_cast<std::size_t>(events[i].data.u64),
                 .readable = (what & (EPOLLIN | EPOLLHUP)) != 0,
                 .writable = (what & EPOLLOUT) != 0,
                 .failed = (what & EPOLLERR) != 0};
  }
  return std::span(ready_).first(count);
}

}  // namespace mosaik::runtime
