#pragma once
/// Names: the name servers of the world. A name has the addresses that an operator or an orchestrator gives it; what
/// a host is told depends on the mood that the servers are in.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <mosaik/types/address.hpp>
#include <mosaik/types/result.hpp>

#include "base/now.hpp"
#include "base/random.hpp"

namespace mosaik::sim {

class Names {
 public:
  enum class Mood : std::uint8_t {
    truthful,
    silent,   ///< no answer; the resolver gives up
    failing,  ///< an error at once
    lying,    ///< one answer of six is an address of another
    slow,     ///< 5 s for each answer
  };
  struct Answer {
    Nanoseconds after{};
    Result<std::vector<SocketAddress>> addresses;  ///< without ports
  };

  explicit Names(const Rng& world) : rng_(world.fork("names")) {}

  void set(const std::string& name, std::vector<SocketAddress> addresses) { records_[name] = std::move(addresses); }
  void set_mood(Mood mood) noexcept { mood_ = mood; }
  [[nodiscard]] Mood mood() const noexcept { return mood_; }
  /// What is true at this moment.
  [[nodiscard]] std::vector<SocketAddress> truth(const std::string& name) const {
    const auto found = records_.find(name);
    return found == records_.end() ? std::vector<SocketAddress>{} : found->second;
  }

  [[nodiscard]] Answer look_up(const std::string& name) {
    constexpr Nanoseconds resolver_patience = 5s;  // of the usual resolv.conf
    if (mood_ == Mood::silent) return {resolver_patience, fail(Errc::unreachable, "no name server answers")};
    if (mood_ == Mood::failing) return {2ms, fail(Errc::not_found, "the name server has no such name")};
    const Nanoseconds usual = rng_.between(1ms, 30ms);
    const Nanoseconds after = mood_ == Mood::slow ? 5s : usual;
    std::vector<SocketAddress> out = truth(name);
    if (mood_ == Mood::lying && rng_.below(6) == 0) out = {nobody};
    if (out.empty()) return {after, fail(Errc::not_found, "the name has no address")};
    // As name servers do: each answer in another order.
    for (std::size_t i = out.size(); i > 1; --i) std::swap(out[i - 1], out[rng_.below(i)]);
    return {after, out};
  }

 private:
  static constexpr SocketAddress nobody = SocketAddress::v4({198, 51, 100, 9}, 0);

  Rng rng_;
  Mood mood_ = Mood::truthful;
  std::map<std::string, std::vector<SocketAddress>> records_;
};

}  // namespace mosaik::sim
