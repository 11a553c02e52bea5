#include "runtime/memory_limit.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string_view>

#include "base/limits.hpp"

namespace mosaik::runtime {
namespace {

std::optional<std::uint64_t> number_in(const std::string& path) {
  std::ifstream in(path);
  std::uint64_t out = 0;
  return in >> out ? std::optional(out) : std::nullopt;  // "max" is no number
}

/// MemTotal of meminfo, in bytes.
std::optional<std::uint64_t> machine_memory(const std::string& proc) {
  std::ifstream in(proc + "/meminfo");
  std::string name;
  std::uint64_t kib = 0;
  while (in >> name) {
    if (name == "MemTotal:") return in >> kib ? std::optional(kib * 1024) : std::nullopt;
    in.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return std::nullopt;
}

/// The path of this process in the hierarchy of that controller; "" is the one of version 2.
std::optional<std::string> group_of(const std::string& proc, std::string_view controller) {
  std::ifstream in(proc + "/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    if (std::string_view(line).substr(first + 1, second - first - 1) == controller) return line.substr(second + 1);
  }
  return std::nullopt;
}

/// The least limit from the group up to the root.
std::uint64_t least_of(const std::string& root, std::string group, const std::string& file, std::uint64_t least) {
  for (;;) {
    while (group.ends_with('/')) group.pop_back();
    least = std::min(least, number_in(root + group + "/" + file).value_or(least));
    if (group.empty()) return least;
    group.erase(std::min(group.rfind('/'), group.size()));
  }
}

}  // namespace

std::uint64_t memory_limit(const std::string& proc, const std::string& cgroups) {
  std::uint64_t out = machine_memory(proc).value_or(std::numeric_limits<std::uint64_t>::max());
  if (const auto group = group_of(proc, "")) out = least_of(cgroups, *group, "memory.max", out);
  if (const auto group = group_of(proc, "memory"))
    out = least_of(cgroups + "/memory", *group, "memory.limit_in_bytes", out);
  rlimit space{};
  if (::getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY)
    out = std::min<std::uint64_t>(out, space.rlim_cur);
  return out;
}

std::uint64_t default_log_bytes() {
  return std::clamp<std::uint64_t>(memory_limit() / limits::log_share, limits::least_default_log_bytes,
                                   limits::log_bytes);
}

}  // namespace mosaik::runtime
