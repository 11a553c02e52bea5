#pragma once
/// Connection ids: ours are 8 random bytes; a client's first one is what it chose, up to 20 (RFC 9000 5.1, 7.2).

#include <array>
#include <cstdint>
#include <cstring>
#include <unordered_map>

#include <mosaik/types/bytes.hpp>

#include "link/link.hpp"

namespace mosaik::quic {

struct Cid {
  static constexpr std::size_t most = 20;
  /// Length of every id that we issue: short headers do not tell it, and a restarted process must still find it.
  static constexpr std::size_t own_size = 8;

  std::array<std::uint8_t, most> bytes{};
  std::uint8_t size = 0;

  Cid() noexcept = default;
  explicit Cid(BytesView view) noexcept : size(static_cast<std::uint8_t>(view.size() < most ? view.size() : most)) {
    if (size > 0) std::memcpy(bytes.data(), view.data(), size);
  }
  [[nodiscard]] BytesView view() const noexcept { return BytesView(bytes).first(size); }
  friend bool operator==(const Cid&, const Cid&) noexcept = default;
};

/// Where datagrams with a connection id go; looked up only, never walked through.
class CidTable {
 public:
  CidTable(std::uint64_t key0, std::uint64_t key1) : routes_(64, Hash{key0, key1}) {}

  /// False when the id is taken by another link.
  bool add(const Cid& cid, LinkId link) { return routes_.try_emplace(cid, link).first->second == link; }
  void remove(const Cid& cid) { routes_.erase(cid); }
  [[nodiscard]] const LinkId* find(const Cid& cid) const {
    const auto found = routes_.find(cid);
    return found == routes_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] std::size_t size() const noexcept { return routes_.size(); }

 private:
  /// Keyed, because clients choose their first connection ids.
  struct Hash {
    std::uint64_t key0, key1;
    std::size_t operator()(const Cid& cid) const noexcept {
      std::uint64_t words[3] = {};
      std::memcpy(words, cid.bytes.data(), Cid::most);
      std::uint64_t mixed = key0 + cid.size;
      for (const std::uint64_t word : words) {
        mixed = (mixed ^ word) * 0x9e3779b97f4a7c15U;
        mixed = (mixed ^ mixed >> 32U) + key1;
      }
      return static_cast<std::size_t>(mixed * 0xd6e8feb86659fd93U >> 7U);
    }
  };
  std::unordered_map<Cid, LinkId, Hash> routes_;
};

}  // namespace mosaik::quic
