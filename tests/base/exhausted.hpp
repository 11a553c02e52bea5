#pragma once
/// Uses up all descriptors of this process, while it lives.

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <vector>

#include "base/descriptor.hpp"

namespace mosaik::test {

/// UndefinedBehaviorSanitizer looks at memory through pipes that it opens: without descriptors it reports good objects.
/// LeakSanitizer has no use in a forked child, whose threads are gone.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

class Exhausted {
 public:
  Exhausted() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit lower = before_;
    lower.rlim_cur = std::min<rlim_t>(before_.rlim_cur, 256);
    ::setrlimit(RLIMIT_NOFILE, &lower);
    while (Descriptor one{::open("/dev/null", O_RDONLY | O_CLOEXEC)}) taken_.push_back(std::move(one));
  }
  Exhausted(const Exhausted&) = delete;
  Exhausted& operator=(const Exhausted&) = delete;
  ~Exhausted() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
  std::vector<Descriptor> taken_;
};

}  // namespace mosaik::test
