#include "sim/world/disk.hpp"

#include <algorithm>

#include "sim/farm/digest.hpp"

namespace mosaik::sim {

namespace {
constexpr std::size_t header = 12;  // u32 length, u64 check value

void put(std::vector<std::uint8_t>& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

std::uint64_t get(BytesView bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) out = out << 8U | bytes[i - 1];
  return out;
}
}  // namespace

bool Disk::append(const std::string& file, BytesView record) {
  if (full) {
    ++counters_.refused;
    return false;
  }
  ++counters_.writes;
  std::vector<std::uint8_t>& bytes = files_[file].bytes;
  put(bytes, record.size(), 4);
  put(bytes, TraceDigest().add(record).value(), 8);
  bytes.insert(bytes.end(), record.begin(), record.end());
  return true;
}

Nanoseconds Disk::sync_span() {
  return rng_.between(sync_time / 2, sync_time * 3 / 2);
}

void Disk::synced(const std::string& file) {
  ++counters_.syncs;
  File& of = files_[file];
  of.durable = of.bytes.size();
}

void Disk::crash() {
  for (auto& [name, file] : files_) {
    const std::size_t loose = file.bytes.size() - file.durable;
    if (loose == 0) continue;
    // Any prefix may have reached the platter by itself.
    const std::size_t kept = rng_.below(loose + 1);
    file.bytes.resize(file.durable + kept);
    ++(kept == 0 ? counters_.lost : counters_.torn);
    file.durable = file.bytes.size();
  }
}

std::vector<std::vector<std::uint8_t>> Disk::read(const std::string& file) {
  std::vector<std::vector<std::uint8_t>> out;
  const auto found = files_.find(file);
  if (found == files_.end()) return out;
  BytesView rest = found->second.bytes;
  while (rest.size() >= header) {
    const std::size_t size = get(rest.first(4));
    const std::uint64_t check = get(rest.subspan(4, 8));
    if (rest.size() - header < size) break;
    const BytesView record = rest.subspan(header, size);
    if (TraceDigest().add(record).value() != check) break;
    out.emplace_back(record.begin(), record.end());
    rest = rest.subspan(header + size);
  }
  File& of = found->second;
  of.bytes.resize(of.bytes.size() - rest.size());
  of.durable = std::min(of.durable, of.bytes.size());
  return out;
}

}  // namespace mosaik::sim
