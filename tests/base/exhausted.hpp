#pragma once
/// Uses up all descriptors of this process, while it lives.

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <vector>

#include "base/descriptor.hpp"

namespace mosaik::test {

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
