#pragma once
/// What happened, in order: a digest over everything, one over the events alone, and the last lines for people; beside
/// them, in no digest, what the nodes decided and why.

#include <deque>
#include <functional>
#include <string>

#include <mosaik/types/event.hpp>

#include "base/now.hpp"
#include "base/trace.hpp"
#include "sim/farm/digest.hpp"

namespace mosaik::sim {

class Trace {
 public:
  static constexpr std::size_t kept = 200;

  /// Something worth a line.
  void note(Mono time, std::string_view who, std::string_view what) {
    digest_.add(static_cast<std::uint64_t>(time.time_since_epoch().count())).add(who).add(what);
    std::string line = time_text(time) + "  " + std::string(who) + "  " + std::string(what);
    if (echo) echo(line);
    lines_.push_back(std::move(line));
    if (lines_.size() > kept) lines_.pop_front();
  }
  /// Adds an event of a node to the canonical digest: when, at which host, the number and kind of the event, about
  /// which peer, with which code. The canonical digest leaves out every text and every byte on the wire, so it stays
  /// the same when code moves and names change (tools/check_digests.py).
  void note_event(Mono time, std::uint64_t host, const Event& event) {
    canonical_.add(static_cast<std::uint64_t>(time.time_since_epoch().count()))
        .add(host)
        .add(event.sequence)
        .add(static_cast<std::uint64_t>(event.kind))
        .add(BytesView(event.peer.bytes()))
        .add(event.code);
  }
  /// A decision of a node; in no digest.
  void note_decision(Mono time, std::string_view who, const Decision& decision);
  /// Something that only the digest needs to know of.
  void mix(std::uint64_t value) { digest_.add(value); }

  [[nodiscard]] std::uint64_t digest() const noexcept { return digest_.value(); }
  [[nodiscard]] std::uint64_t canonical() const noexcept { return canonical_.value(); }
  [[nodiscard]] const std::deque<std::string>& lines() const noexcept { return lines_; }

  [[nodiscard]] const std::deque<std::string>& decisions() const noexcept { return decisions_; }

  std::function<void(const std::string&)> echo;            ///< gets every line as it is made
  std::function<void(const std::string&)> echo_decisions;  ///< the same, of decisions

  /// Seconds with microseconds.
  [[nodiscard]] static std::string time_text(Mono time) {
    const std::int64_t micros = time.time_since_epoch() / 1us;
    std::string fraction = std::to_string(micros % 1'000'000);
    fraction.insert(0, 6 - fraction.size(), '0');
    std::string seconds = std::to_string(micros / 1'000'000);
    if (seconds.size() < 4) seconds.insert(0, 4 - seconds.size(), ' ');
    return seconds + "." + fraction;
  }

 private:
  TraceDigest digest_;
  TraceDigest canonical_;
  std::deque<std::string> lines_;
  std::deque<std::string> decisions_;
};

}  // namespace mosaik::sim
