#pragma once
/// What survives a process: an append-only file a name. A write is durable once it was synced; a crash loses what was
/// not, and may tear the last record in the middle. A full disk refuses writes, a slow one syncs late.
///
/// A record is the caller's bytes behind a length and a check value; `read` stops at the first that is torn.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <mosaik/types/bytes.hpp>

#include "base/now.hpp"
#include "base/random.hpp"

namespace mosaik::sim {

struct DiskCounters {
  std::uint64_t writes = 0, syncs = 0, refused = 0, lost = 0, torn = 0;
};

class Disk {
 public:
  explicit Disk(const Rng& rng) : rng_(rng.fork("disk")) {}

  /// How the disk behaves.
  Nanoseconds sync_time = 2ms;
  bool full = false;

  /// Appends a record that a crash may still take away; false when the disk is full.
  bool append(const std::string& file, BytesView record);
  /// How long a sync takes that is begun now; call `synced` when that has passed.
  [[nodiscard]] Nanoseconds sync_span();
  /// All that was appended to the file before is durable.
  void synced(const std::string& file);
  /// The process, or the computer, is gone.
  void crash();
  /// All is gone.
  void wipe() { files_.clear(); }
  /// The whole records, oldest first. What is behind a torn one is cut off, as a store does when it opens.
  [[nodiscard]] std::vector<std::vector<std::uint8_t>> read(const std::string& file);

  [[nodiscard]] const DiskCounters& counters() const noexcept { return counters_; }

 private:
  struct File {
    std::vector<std::uint8_t> bytes;
    std::size_t durable = 0;
  };
  Rng rng_;
  std::map<std::string, File> files_;
  DiskCounters counters_;
};

}  // namespace mosaik::sim
