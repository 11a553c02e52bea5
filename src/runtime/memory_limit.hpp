#pragma once
/// How much memory this process may have, as far as the machine and its control group say.

#include <cstdint>
#include <string>

namespace mosaik::runtime {

/// Bytes: the machine's memory, or less where a control group or the limit of the address space (RLIMIT_AS) allows
/// less. `proc` and `cgroups` are where the two file systems stand; a file that is missing or says nothing limits
/// nothing.
[[nodiscard]] std::uint64_t memory_limit(const std::string& proc = "/proc",
                                         const std::string& cgroups = "/sys/fs/cgroup");

/// limits::log_bytes, or the share limits::log_share of the memory when that is less; at least
/// limits::least_default_log_bytes.
[[nodiscard]] std::uint64_t default_log_bytes();

}  // namespace mosaik::runtime
