#pragma once
/// The machines that `mosaik node --machine` knows.

#include <memory>
#include <optional>
#include <string>

#include <mosaik/consensus/state_machine.hpp>

#include "machines/counter.hpp"
#include "machines/kv.hpp"

namespace mosaik::command {

/// Which machine, and what makes its group another one: texts that are given replace the machine's own.
struct MachineChoice {
  std::string name = "noop";
  std::optional<std::string> machine_id;
  std::optional<std::string> rust_type;
};

/// Null for `noop`: the group is joined without a machine. The name is one of those of the settings.
[[nodiscard]] std::unique_ptr<Machine> open_machine(const MachineChoice& choice);

}  // namespace mosaik::command
