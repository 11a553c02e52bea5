#pragma once
/// One function a verb; each returns the exit code.

#include "settings/options.hpp"

namespace mosaik::command {

[[nodiscard]] int run_demo(const DemoOptions& options);
[[nodiscard]] int run_node(const NodeOptions& options);
[[nodiscard]] int run_keygen(const KeygenOptions& options);
[[nodiscard]] int run_status(const ClientOptions& options);
[[nodiscard]] int run_members(const ClientOptions& options);
[[nodiscard]] int run_bonds(const ClientOptions& options);
[[nodiscard]] int run_topology(const ClientOptions& options);
[[nodiscard]] int run_events(const ClientOptions& options);
[[nodiscard]] int run_trace(const ClientOptions& options);
[[nodiscard]] int run_watch(const ClientOptions& options);
[[nodiscard]] int run_leave(const ClientOptions& options);
[[nodiscard]] int run_forget(const ClientOptions& options);
[[nodiscard]] int run_counter(const CounterOptions& options);
[[nodiscard]] int run_kv(const KvOptions& options);
[[nodiscard]] int run_version(const VersionOptions& options);
[[nodiscard]] int run_completion(const CompletionOptions& options);

}  // namespace mosaik::command
