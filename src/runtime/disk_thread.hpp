#pragma once
/// DiskThread: keeps what engines hand over, in their order, on a thread that may wait for the disk.
///
/// The law that it serves is *persist before send*: an engine's frames wait for the ticket that comes back from here.
/// The end waits for what was handed over: a ticket that nobody hears of any more is durable all the same.

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <mosaik/types/id.hpp>

#include "consensus/api/log_store.hpp"
#include "runtime/inbox.hpp"
#include "runtime/mailbox.hpp"

namespace mosaik::runtime {

/// The end of one hand-over.
struct Kept {
  GroupId group;
  std::shared_ptr<consensus::LogStore> store;
  consensus::Ticket ticket;
  Result<> result;
};
/// Runs on the loop.
using OnKept = std::function<void(const std::vector<Kept>&)>;

class DiskThread {
 public:
  /// Errors: limit.
  [[nodiscard]] static Result<std::unique_ptr<DiskThread>> open(std::shared_ptr<Inbox> inbox, OnKept on_kept);
  DiskThread(const DiskThread&) = delete;
  DiskThread& operator=(const DiskThread&) = delete;
  ~DiskThread();

  /// From the loop. The end comes through the inbox.
  void keep(const GroupId& group, std::shared_ptr<consensus::LogStore> store, consensus::Persist state);

 private:
  struct Work {
    GroupId group;
    std::shared_ptr<consensus::LogStore> store;
    consensus::Persist state;
  };
  DiskThread(std::shared_ptr<Inbox> inbox, OnKept on_kept)
      : inbox_(std::move(inbox)), on_kept_(std::make_shared<OnKept>(std::move(on_kept))) {}
  void run();
  void wake();

  std::shared_ptr<Inbox> inbox_;
  std::shared_ptr<OnKept> on_kept_;  ///< shared with requests that are under way when this ends
  Mailbox<Work> work_;
  std::atomic<std::uint64_t> signal_ = 0;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

}  // namespace mosaik::runtime
