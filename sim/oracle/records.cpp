#include "sim/oracle/records.hpp"

#include <algorithm>

namespace mosaik::sim {

std::vector<std::uint8_t> write_memory(const node::Memory& memory) {
  std::vector<std::uint8_t> out;
  put_number(out, static_cast<std::uint64_t>(memory.started));
  put_number(out, memory.group_sizes.size());
  for (const auto& [group, size] : memory.group_sizes) {
    out.insert(out.end(), group.view().begin(), group.view().end());
    put_number(out, size);
  }
  put_number(out, memory.met.size());
  for (const auto& [peer, at] : memory.met) {
    const std::string text = at.text();
    out.insert(out.end(), peer.view().begin(), peer.view().end());
    put_number(out, text.size());
    out.insert(out.end(), text.begin(), text.end());
  }
  for (const auto& entry : memory.entries) {
    put_number(out, entry.size());
    out.insert(out.end(), entry.begin(), entry.end());
  }
  return out;
}

node::Memory read_memory(BytesView rest) {
  node::Memory out;
  out.started = static_cast<std::int64_t>(take_number(rest));
  for (std::uint64_t left = take_number(rest); left > 0; --left) {
    Bytes32 group{};
    std::copy_n(rest.begin(), group.size(), group.begin());
    rest = rest.subspan(group.size());
    out.group_sizes[GroupId(group)] = static_cast<std::uint32_t>(take_number(rest));
  }
  for (std::uint64_t left = take_number(rest); left > 0; --left) {
    Bytes32 peer{};
    std::copy_n(rest.begin(), peer.size(), peer.begin());
    rest = rest.subspan(peer.size());
    const std::size_t size = take_number(rest);
    const std::string text(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size));
    rest = rest.subspan(size);
    if (const auto at = SocketAddress::parse(text)) out.met[PeerId(peer)] = *at;
  }
  while (!rest.empty()) {
    const std::size_t size = take_number(rest);
    const BytesView entry = rest.subspan(0, size);
    out.entries.emplace_back(entry.begin(), entry.end());
    rest = rest.subspan(size);
  }
  return out;
}

}  // namespace mosaik::sim
