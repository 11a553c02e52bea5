#include "runtime/disk_thread.hpp"

#include <utility>

#include "posix/thread.hpp"

namespace mosaik::runtime {

Result<std::unique_ptr<DiskThread>> DiskThread::open(std::shared_ptr<Inbox> inbox, OnKept on_kept) {
  std::unique_ptr<DiskThread> out(new DiskThread(std::move(inbox), std::move(on_kept)));
  auto thread = start_thread("mosaik-disk", [disk = out.get()] { disk->run(); });
  if (!thread) return std::unexpected(thread.error());
  out->thread_ = std::move(*thread);
  return out;
}

DiskThread::~DiskThread() {
  if (!thread_.joinable()) return;
  ended_.store(true);
  wake();
  thread_.join();
}

void DiskThread::keep(const GroupId& group, std::shared_ptr<consensus::LogStore> store, consensus::Persist state) {
  work_.push({group, std::move(store), std::move(state)});
  wake();
}

void DiskThread::wake() {
  signal_.fetch_add(1);
  signal_.notify_one();
}

void DiskThread::run() {
  for (;;) {
    const std::uint64_t seen = signal_.load();
    const bool last = ended_.load();  // read first: what was handed over before the end is kept
    std::vector<Kept> kept;
    for (Work& work : work_.drain())
      kept.push_back({work.group, work.store, work.state.ticket, work.store->keep(work.state)});
    if (!kept.empty())
      inbox_->post([on_kept = on_kept_, kept = std::move(kept)](RequestDispatcher* dispatcher) {
        if (dispatcher != nullptr) (*on_kept)(kept);
      });
    else if (last)
      return;
    else
      signal_.wait(seen);
  }
}

}  // namespace mosaik::runtime
