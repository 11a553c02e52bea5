#include "base/timer_heap.hpp"

#include <memory>

#include <gtest/gtest.h>

#include "base/random.hpp"

namespace mosaik {
namespace {

TEST(TimerHeap, gives_the_nearest_first_whatever_was_moved_or_taken_out) {
  Rng random(3);
  TimerHeap<std::uint64_t> heap;
  std::vector<std::unique_ptr<Timer<std::uint64_t>>> timers;
  for (std::uint64_t i = 0; i < 100; ++i) timers.push_back(std::make_unique<Timer<std::uint64_t>>(i));
  for (int round = 0; round < 5000; ++round) {
    Timer<std::uint64_t>& timer = *timers[random.below(timers.size())];
    heap.set(timer, random.below(4) == 0 ? never : Mono(Nanoseconds(static_cast<std::int64_t>(random.below(1000)))));
    Mono least = never;
    for (const auto& each : timers) least = std::min(least, each->at);
    ASSERT_EQ(heap.next(), least);
    heap.check_invariants();
  }
  Mono last{};
  while (Timer<std::uint64_t>* const nearest = heap.nearest()) {
    ASSERT_GE(nearest->at, last);
    last = nearest->at;
    heap.cancel(*nearest);
  }
}

}  // namespace
}  // namespace mosaik
