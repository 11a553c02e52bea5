#pragma once
/// The TCP side of wire.hpp: who expects which token, which sentinels are open, and what each end is told.

#include <vector>

#include "node/node.hpp"

namespace mosaik::test {

class SentinelWire {
 public:
  struct End {
    std::size_t machine = 0;
    detector::SentinelId id;
    friend bool operator==(const End&, const End&) = default;
  };
  struct Pair {
    End listener;
    End dialer;
  };

  void expect(std::size_t machine, const detector::ExpectSentinel& sentinel) {
    expected_.push_back({{machine, sentinel.id}, sentinel.token});
  }
  /// The ends of the new connection; empty when nobody expects the token.
  std::optional<Pair> dial(const End& dialer, std::size_t listener, const Bytes32& token) {
    for (auto at = expected_.begin(); at != expected_.end(); ++at) {
      if (at->end.machine != listener || at->token != token) continue;
      pairs_.push_back({at->end, dialer});
      expected_.erase(at);
      return pairs_.back();
    }
    return std::nullopt;
  }
  /// Closes one end, open or expected; the other end, if there is one.
  std::optional<End> close(const End& end) {
    std::erase_if(expected_, [&](const Expected& each) { return each.end == end; });
    for (auto at = pairs_.begin(); at != pairs_.end(); ++at) {
      if (at->listener != end && at->dialer != end) continue;
      const End other = at->listener == end ? at->dialer : at->listener;
      pairs_.erase(at);
      return other;
    }
    return std::nullopt;
  }
  /// The ends that a machine holds.
  [[nodiscard]] std::vector<End> of(std::size_t machine) const {
    std::vector<End> out;
    for (const Expected& each : expected_)
      if (each.end.machine == machine) out.push_back(each.end);
    for (const Pair& pair : pairs_) {
      if (pair.listener.machine == machine) out.push_back(pair.listener);
      if (pair.dialer.machine == machine) out.push_back(pair.dialer);
    }
    return out;
  }
  [[nodiscard]] std::size_t open() const { return pairs_.size(); }

 private:
  struct Expected {
    End end;
    Bytes32 token{};
  };
  std::vector<Expected> expected_;
  std::vector<Pair> pairs_;
};

}  // namespace mosaik::test
