#pragma once
/// Future<T>: a value that comes later. It can be waited on, chained and co_awaited; it is shared and cheap to copy.
///
/// Threads. A future is completed by the library; continuations run on the executor that `then` was given, else on the
/// library's delivery thread, never on the network loop; a continuation that is given when the value is there already
/// runs at once, in the thread that gives it. A continuation must not block for long and must not throw.
/// A future whose producer is gone completes no more: the library completes all of its own with Errc::closed first,
/// so T is a Result where that can happen.

#include <mosaik/export.hpp>

#include <chrono>
#include <condition_variable>
#include <coroutine>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace mosaik {

/// Runs a task soon, somewhere; copyable, callable from any thread.
using Executor = std::function<void(std::function<void()>)>;

template <class T>
class Promise;

/// See the file's head for what runs where.
template <class T>
class Future {
  static_assert(std::is_object_v<T> && std::is_copy_constructible_v<T>);

 public:
  Future() = default;  ///< refers to nothing: valid() is false, and whatever else is asked of it is undefined

  [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }
  /// The value is there.
  [[nodiscard]] bool ready() const {
    const std::scoped_lock lock(state_->mutex);
    return state_->value.has_value();
  }
  /// Waits and returns the value. Not from a continuation: it would wait for itself.
  T get() const {
    std::unique_lock lock(state_->mutex);
    state_->awaited = true;
    state_->changed.wait(lock, [this] { return state_->value.has_value(); });
    return *state_->value;
  }
  /// Waits at most `limit`; empty when the value had not come by then.
  [[nodiscard]] std::optional<T> get_for(std::chrono::nanoseconds limit) const {
    std::unique_lock lock(state_->mutex);
    state_->awaited = true;
    state_->changed.wait_for(lock, limit, [this] { return state_->value.has_value(); });
    return state_->value;
  }

  /// Calls `next(value)` on the executor once the value is there; the result is a future of what it returns
  /// (std::monostate for void).
  template <class F>
  auto then(Executor executor, F next) const {
    using Returned = std::invoke_result_t<F, const T&>;
    using Next = std::conditional_t<std::is_void_v<Returned>, std::monostate, Returned>;
    Promise<Next> promise;
    Future<Next> future = promise.future();
    on_value([executor = std::move(executor), promise, next = std::move(next)](const T& value) mutable {
      auto task = [promise, next = std::move(next), value]() mutable {
        if constexpr (std::is_void_v<Returned>) {
          next(value);
          promise.set({});
        } else {
          promise.set(next(value));
        }
      };
      if (executor)
        executor(std::move(task));
      else
        task();
    });
    return future;
  }
  /// The same on the library's delivery thread.
  template <class F>
  auto then(F next) const {
    return then(Executor{}, std::move(next));
  }

  /// `co_await future`: resumes on the delivery thread; goes on at once when the value is there.
  auto operator co_await() const {
    struct Awaiter {
      Future future;
      bool await_ready() const { return future.ready(); }
      void await_suspend(std::coroutine_handle<> handle) const {
        future.on_value([handle](const T&) { handle.resume(); });
      }
      T await_resume() const { return future.get(); }
    };
    return Awaiter{*this};
  }

 private:
  friend class Promise<T>;
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<T> value;
    bool awaited = false;  ///< somebody waits, or has waited, for `changed`
    std::vector<std::function<void(const T&)>> waiting;
  };
  explicit Future(std::shared_ptr<State> state) : state_(std::move(state)) {}

  void on_value(std::function<void(const T&)> call) const {
    const auto state = state_;  // a coroutine that goes on may end the object that owns this future
    {
      const std::scoped_lock lock(state->mutex);
      if (!state->value.has_value()) {
        state->waiting.push_back(std::move(call));
        return;
      }
    }
    call(*state->value);
  }

  std::shared_ptr<State> state_;
};

/// The producing side; copies share one future. The first value counts.
template <class T>
class Promise {
 public:
  Promise() : state_(std::make_shared<typename Future<T>::State>()) {}
  [[nodiscard]] Future<T> future() const { return Future<T>(state_); }
  /// False when a value was there already.
  bool set(T value) const {
    const auto state = state_;  // a continuation may end the object that owns this promise
    std::vector<std::function<void(const T&)>> waiting;
    if (!put(*state, std::move(value), waiting)) return false;
    for (auto& call : waiting) call(*state->value);
    return true;
  }
  /// Wakes who waits, and leaves the continuations to be run where they may: by calling what is returned, once. Empty
  /// when there are none.
  [[nodiscard]] std::move_only_function<void()> settle(T value) const {
    std::vector<std::function<void(const T&)>> waiting;
    if (!put(*state_, std::move(value), waiting) || waiting.empty()) return {};
    return [state = state_, waiting = std::move(waiting)] {
      for (const auto& call : waiting) call(*state->value);
    };
  }

 private:
  using State = typename Future<T>::State;
  static bool put(State& state, T value, std::vector<std::function<void(const T&)>>& waiting) {
    bool awaited = false;
    {
      const std::scoped_lock lock(state.mutex);
      if (state.value.has_value()) return false;
      state.value.emplace(std::move(value));
      waiting.swap(state.waiting);
      awaited = state.awaited;
    }
    if (awaited) state.changed.notify_all();
    return true;
  }

  std::shared_ptr<typename Future<T>::State> state_;
};

}  // namespace mosaik
