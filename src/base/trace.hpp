#pragma once
/// The trace port: each decision of a core with its reason, for whoever listens (docs/ARCHITECTURE.md). Off, a decision
/// costs one test of a pointer: what is told of it is made only when somebody listens. No secret is ever in it.
///
/// The node opens a TraceScope for each input, so that cores need no port of their own; TraceGroup names the group
/// whose core runs.

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include <mosaik/types/id.hpp>

#include "base/now.hpp"

namespace mosaik {

/// What a core has decided. Texts are short, and live as long as the call that tells of it.
struct Decision {
  struct Field {
    std::string_view name;
    std::int64_t value = 0;
  };
  std::string_view component;  ///< consensus, detector, dial, bonds, discovery, quic
  std::string_view what;
  std::string_view reason;
  PeerId peer{};
  GroupId group{};
  std::array<Field, 3> fields{};  ///< those without a name are absent
};

class TracePort {
 public:
  virtual void on_decision(const Now& now, const Decision& decision) = 0;

 protected:
  ~TracePort() = default;
};

/// Who listens to what this thread decides, and when and for whom it is decided.
struct TraceContext {
  TracePort* port = nullptr;
  const Now* now = nullptr;
  const GroupId* group = nullptr;
};
inline constinit thread_local TraceContext trace_context;

/// Inputs of a node are handled for as long as this lives.
class TraceScope {
 public:
  TraceScope(TracePort* port, const Now& now) noexcept
      : outer_(std::exchange(trace_context, {.port = port, .now = &now, .group = nullptr})) {}
  ~TraceScope() { trace_context = outer_; }
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  TraceContext outer_;
};

/// The core of a group runs for as long as this lives.
class TraceGroup {
 public:
  explicit TraceGroup(const GroupId& group) noexcept : outer_(std::exchange(trace_context.group, &group)) {}
  ~TraceGroup() { trace_context.group = outer_; }
  TraceGroup(const TraceGroup&) = delete;
  TraceGroup& operator=(const TraceGroup&) = delete;

 private:
  const GroupId* outer_;
};

/// Tells of a decision; `make` returns it, and runs only when somebody listens.
template <class F>
void trace(F&& make) {
  const TraceContext& context = trace_context;
  if (context.port == nullptr) [[likely]]
    return;
  Decision decision = std::forward<F>(make)();
  if (context.group != nullptr) decision.group = *context.group;
  context.port->on_decision(*context.now, decision);
}

}  // namespace mosaik
