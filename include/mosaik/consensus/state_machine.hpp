#pragma once
/// StateMachine: what a group replicates. Every member applies the same commands in the same order, so apply() must
/// depend on nothing but the machine, the command and the context's `committed`, `index` and `term`.
///
///   struct Counter {
///     struct Add { std::uint32_t n; };  struct Get {};
///     using Command = Add;  using Query = Get;  using QueryResult = std::int64_t;
///     static mosaik::Digest signature() { return mosaik::Digest::of("counter_v1"); }
///     static constexpr std::string_view rust_type = "my_app::Counter";   // only to share a group with Rust
///     void apply(const Command& c, const mosaik::ApplyContext&) { value += c.n; }
///     QueryResult query(const Query&) const { return value; }
///     std::int64_t value = 0;
///   };
///
/// Threads. A machine is used by one thread at a time, off the network loop; a slow apply() delays the answers of its
/// own group and nothing else. A machine with `static constexpr bool runs_in_line = true` says that apply() and query()
/// take microseconds: they run on the loop, which saves a change of threads; one that is found to take longer is moved
/// off.
///
/// A machine is copied when it is handed over (make_machine): the copy is what a member starts over from, and copied
/// again, each time that it has to give up its history (Event diverged). An exception from apply() stops the group,
/// with its text as the reason, and harms no other. The signature and the Rust type name are part of the GroupId (spec:
/// groups 2.4): members that differ in them do not meet. `signature()` and `rust_type` may also be plain members, for
/// machines that are configured; so may `name`, which is for people only.

#include <mosaik/export.hpp>

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mosaik/serialization/postcard_types.hpp>
#include <mosaik/types/bytes.hpp>
#include <mosaik/types/cursor.hpp>
#include <mosaik/types/id.hpp>
#include <mosaik/types/result.hpp>

namespace mosaik {

/// What apply() is told besides the command.
struct ApplyContext {
  Index index;          ///< the place of this command
  Term term;            ///< in which it was made
  Cursor committed;     ///< the place before the batch that this command came in, as in the crate
  Cursor log_position;  ///< the newest entry of the log; differs between members: not for the machine's state
  GroupId group;
  NetworkId network;
};

/// What a group can replicate; the file's head shows one.
template <class M>
concept StateMachine =
    std::copy_constructible<M> && requires(M& machine, const M& constant, const typename M::Command& command,
                                           const typename M::Query& query, const ApplyContext& context) {
      typename M::QueryResult;
      { constant.signature() } -> std::convertible_to<Digest>;
      machine.apply(command, context);
      { constant.query(query) } -> std::convertible_to<typename M::QueryResult>;
    };

/// A machine as the library sees it: bytes in, bytes out. Made from a StateMachine by make_machine; may be written by
/// hand for commands that are not postcard.
class MOSAIK_EXPORT Machine {
 public:
  virtual ~Machine() = default;
  /// Errors: malformed: a command that can not be decoded; internal: the machine threw. Both stop the group.
  [[nodiscard]] virtual Result<> apply(std::span<const BytesView> commands, const ApplyContext& before) = 0;
  /// Errors: malformed, internal. Only the query ends: with `closed` here, unanswered when another member forwarded it.
  [[nodiscard]] virtual Result<std::vector<std::uint8_t>> query(BytesView query) = 0;
  /// Back to the initial state.
  virtual void reset() = 0;
  /// Names what the commands mean; part of the GroupId. Change it when they change.
  [[nodiscard]] virtual Digest signature() const = 0;
  /// Empty: none; the GroupId is then of this library's own making.
  [[nodiscard]] virtual std::string rust_type() const = 0;
  /// apply() and query() take microseconds and may run on the network loop.
  [[nodiscard]] virtual bool runs_in_line() const noexcept { return false; }
  /// What people call it: shown in status, looked at by tools, no part of the GroupId.
  [[nodiscard]] virtual std::string name() const { return {}; }
  /// Tells whether bytes from outside the program are a command at all: one that is none would stop every member. It
  /// may be called from any thread and outlive the machine. Null: whatever comes is one.
  [[nodiscard]] virtual std::function<bool(BytesView)> command_check() const { return {}; }
};

namespace detail {

template <StateMachine M>
class TypedMachine final : public Machine {
 public:
  explicit TypedMachine(M machine) : initial_(std::move(machine)), current_(std::in_place, initial_) {}

  Result<> apply(std::span<const BytesView> commands, const ApplyContext& before) override {
    ApplyContext context = before;
    for (const BytesView bytes : commands) {
      const auto command = postcard::decode<typename M::Command>(bytes);
      if (!command)
        return fail(Errc::malformed,
                    "the command at " + std::to_string(context.index.value) + " is none of this machine");
      try {
        current_->apply(*command, context);
      } catch (const std::exception& error) {
        return fail(Errc::internal,
                    "the machine threw at " + std::to_string(context.index.value) + ": " + error.what());
      } catch (...) {
        return fail(Errc::internal, "the machine threw at " + std::to_string(context.index.value));
      }
      context.index = context.index.next();
    }
    return {};
  }
  Result<std::vector<std::uint8_t>> query(BytesView bytes) override {
    const auto query = postcard::decode<typename M::Query>(bytes);
    if (!query) return fail(Errc::malformed, "the query is none of this machine");
    try {
      const typename M::QueryResult result = std::as_const(*current_).query(*query);
      return postcard::encode(result);
    } catch (const std::exception& error) {
      return fail(Errc::internal, std::string("the machine threw: ") + error.what());
    } catch (...) {
      return fail(Errc::internal, "the machine threw");
    }
  }
  void reset() override { current_.emplace(initial_); }
  Digest signature() const override { return initial_.signature(); }
  std::string rust_type() const override {
    if constexpr (requires { std::string(initial_.rust_type); })
      return std::string(initial_.rust_type);
    else
      return {};
  }
  bool runs_in_line() const noexcept override {
    if constexpr (requires {
                    { M::runs_in_line } -> std::convertible_to<bool>;
                  })
      return M::runs_in_line;
    else
      return false;
  }
  std::string name() const override {
    if constexpr (requires { std::string(initial_.name); })
      return std::string(initial_.name);
    else
      return {};
  }
  std::function<bool(BytesView)> command_check() const override {
    return [](BytesView bytes) { return postcard::decode<typename M::Command>(bytes).has_value(); };
  }

 private:
  M initial_;
  std::optional<M> current_;
};

}  // namespace detail

/// The machine in the form that the library uses: commands and answers as postcard.
template <StateMachine M>
[[nodiscard]] std::unique_ptr<Machine> make_machine(M machine) {
  return std::make_unique<detail::TypedMachine<M>>(std::move(machine));
}

}  // namespace mosaik
