#include "recorder.hpp"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <vector>

// Nothing here may be instrumented: the calls are made from within every function.
#define UNTRACED __attribute__((no_instrument_function))

namespace {

struct Record {
  std::atomic<std::uintptr_t> call;  ///< the address; its lowest bit, as code is aligned: a return
  std::uint32_t thread;
};
constexpr std::size_t most = 20'000'000;
std::atomic<bool> recording = false;
std::atomic<std::size_t> used = 0;
std::atomic<std::uint32_t> threads = 0;
Record* records = nullptr;
thread_local std::uint32_t own = 0;

UNTRACED void note(void* function, std::uintptr_t kind) {
  if (!recording.load(std::memory_order_relaxed)) return;
  if (own == 0) own = threads.fetch_add(1) + 1;
  const std::size_t at = used.fetch_add(1);
  if (at >= most) return;
  records[at].thread = own;
  records[at].call.store(reinterpret_cast<std::uintptr_t>(function) << 1U | kind);
}

}  // namespace

extern "C" {
UNTRACED void __cyg_profile_func_enter(void* function, void*) {
  note(function, 0);
}
UNTRACED void __cyg_profile_func_exit(void* function, void*) {
  note(function, 1);
}
}

namespace mosaik::trip {

UNTRACED void start_recording() {
  if (records == nullptr) records = new Record[most];
  used.store(0);
  recording.store(true);
}

UNTRACED void stop_recording(const std::string& file) {
  recording.store(false);
  std::FILE* const out = std::fopen(file.c_str(), "w");
  const std::size_t count = used.load() < most ? used.load() : most;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uintptr_t call = records[i].call.load();
    std::fprintf(out, "%u %c %zx\n", records[i].thread, (call & 1U) != 0 ? 'x' : 'e',
                 static_cast<std::size_t>(call >> 1U));
  }
  std::fclose(out);
}

}  // namespace mosaik::trip
