#include "machines/machines.hpp"

namespace mosaik::command {
namespace {

template <class M>
std::unique_ptr<Machine> opened(const MachineChoice& choice) {
  M machine;
  if (choice.machine_id) machine.machine_id = *choice.machine_id;
  if (choice.rust_type) machine.rust_type = *choice.rust_type;
  return make_machine(std::move(machine));
}

}  // namespace

std::unique_ptr<Machine> open_machine(const MachineChoice& choice) {
  if (choice.name == Counter::name) return opened<Counter>(choice);
  if (choice.name == kv::Store::name) return opened<kv::Store>(choice);
  return nullptr;
}

}  // namespace mosaik::command
