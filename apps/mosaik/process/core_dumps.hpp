#pragma once
/// Whether a crash of this process leaves a core dump.

namespace mosaik::command {

enum class CoreDumps { none, allowed };

/// None: RLIMIT_CORE becomes 0, and no crash of this process or its children leaves a core. Allowed: the limit becomes
/// what the operator's hard limit allows. Keys and the group's secret are in neither (crypto/secret_memory.hpp).
///
/// PR_SET_DUMPABLE is left alone: 0 would hand /proc/self to root, so that the operator could not look at an own
/// process any more, and the kernel clears it at each exec anyway.
void set_core_dumps(CoreDumps wanted) noexcept;

}  // namespace mosaik::command
