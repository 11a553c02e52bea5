#pragma once
/// From the outcome of a call to what its caller gets: through a future or a callback.

#include <functional>
#include <type_traits>
#include <utility>

#include <mosaik/consensus/replicated_group.hpp>

#include "api/outcomes.hpp"
#include "runtime/completion.hpp"

namespace mosaik::api {

/// Reads the result of a call out of its outcome.
template <class T>
using Select = Result<T> (*)(const consensus::Outcome&);

/// The caller looks at a future: the loop itself wakes the thread that waits.
template <class T>
runtime::Completion completion(const Promise<Result<T>>& promise, std::type_identity_t<Select<T>> select) {
  return {runtime::CompleteAt::turn_end,
          [promise, select](const consensus::Outcome& outcome) { return promise.settle(select(outcome)); }};
}

/// The caller gave a callback, which runs where the options say.
template <class T>
runtime::Completion completion(ReplicatedGroup::Callback<T> done, const CallOptions& options,
                               std::type_identity_t<Select<T>> select) {
  if (options.on_loop)
    return {runtime::CompleteAt::on_loop,
            [done = std::move(done), select](const consensus::Outcome& outcome) mutable -> runtime::Task {
              done(select(outcome));
              return {};
            }};
  return {runtime::CompleteAt::at_once,
          [done = std::move(done), select](const consensus::Outcome& outcome) mutable -> runtime::Task {
            return [done = std::move(done), result = select(outcome)]() mutable { done(std::move(result)); };
          }};
}

}  // namespace mosaik::api
