#pragma once
/// DialOutlets: which socket a dial of a silent peer leaves from.
///
/// A NAT on the way may hold a mapping to where the peer was, and our own dials keep it alive, for they all come from
/// one port. So those who stay silent are dialed from another port every other time: from the outlet of this turn,
/// whose socket is opened for it (runtime/fresh_sockets.hpp). An outlet is free again when no link uses it and its
/// socket was closed: its next port is another one. While none is free the dial leaves from where we listen.

#include <array>
#include <cstdint>
#include <map>

#include "base/limits.hpp"
#include "base/now.hpp"
#include "link/link.hpp"

namespace mosaik::node {

class DialOutlets {
 public:
  /// The outlet of this turn; 0 when none is free.
  [[nodiscard]] std::uint8_t take(Mono now) {
    if (current_ != 0 && now < turn_ends_) return current_;
    current_ = 0;
    for (std::uint8_t i = 0; i < limits::fresh_ports && current_ == 0; ++i)
      if (outlets_[i].links == 0 && outlets_[i].closed_at <= now) current_ = static_cast<std::uint8_t>(i + 1);
    turn_ends_ = now + limits::fresh_port_turn;
    return current_;
  }
  void on_dialed(Mono now, LinkId link, std::uint8_t outlet) {
    if (outlet == 0) return;
    links_[link] = outlet;
    ++of(outlet).links;
    keep(now, outlet);
  }
  void on_closed(Mono now, LinkId link) {
    const auto found = links_.find(link);
    if (found == links_.end()) return;
    --of(found->second).links;
    keep(now, found->second);
    links_.erase(found);
  }

 private:
  struct Outlet {
    std::size_t links = 0;
    Mono closed_at{};  ///< its socket is closed then, unless something is sent from it
  };
  [[nodiscard]] Outlet& of(std::uint8_t outlet) { return outlets_.at(outlet - 1U); }
  /// The end of a link may still be told from it for a while.
  void keep(Mono now, std::uint8_t outlet) {
    of(outlet).closed_at = now + limits::fresh_port_idle + limits::quic_idle_timeout;
  }

  std::array<Outlet, limits::fresh_ports> outlets_{};
  std::map<LinkId, std::uint8_t> links_;
  std::uint8_t current_ = 0;
  Mono turn_ends_{};
};

}  // namespace mosaik::node
