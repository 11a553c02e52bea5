#pragma once
/// What was told of this member last, so that each change is told once; and what it waits for.

#include "consensus/dynamic/elections.hpp"
#include "consensus/dynamic/following.hpp"
#include "consensus/dynamic/outbox.hpp"

namespace mosaik::consensus {

class Notices {
 public:
  /// All outlive this.
  Notices(const Config& config, const Log& log, const Durability& durability, const Peers& peers,
          const Membership& membership, const Elections& elections, const Following& following, Outbox& outbox)
      : config_(config),
        log_(log),
        durability_(durability),
        peers_(peers),
        membership_(membership),
        elections_(elections),
        following_(following),
        outbox_(outbox) {}

  /// True when it is another one.
  bool set_leader(const std::optional<PeerId>& leader);
  void set_online(bool online);
  void set_stopped(std::string_view reason) { stopped_because_ = reason; }
  /// Of a step that begins.
  void on_step(Mono now) noexcept { step_at_ = now; }
  /// Of a step that ends.
  void tell_waiting();
  void tell_log_fills();
  void tell_progress();

  [[nodiscard]] Mono step_at() const noexcept { return step_at_; }
  [[nodiscard]] const std::optional<PeerId>& leader() const noexcept { return leader_; }
  [[nodiscard]] bool online() const noexcept { return online_; }
  [[nodiscard]] const std::string& stopped_because() const noexcept { return stopped_because_; }
  [[nodiscard]] Waiting waiting() const;
  [[nodiscard]] Nanoseconds waits_for(Waiting what) const;
  /// For a caller: no leader is in reach, and what is waited for.
  [[nodiscard]] NotApplied no_leader() const;
  [[nodiscard]] NotApplied stopped() const;

  void check_invariants() const;

 private:
  const Config& config_;
  const Log& log_;
  const Durability& durability_;
  const Peers& peers_;
  const Membership& membership_;
  const Elections& elections_;
  const Following& following_;
  Outbox& outbox_;
  Mono step_at_{};
  std::optional<PeerId> leader_;
  bool online_ = false;
  Index committed_;
  Cursor position_;
  Waiting waiting_ = Waiting::nothing;
  std::optional<Mono> waiting_since_;  ///< none once it was told
  bool log_fills_ = false;
  std::string stopped_because_;
};

}  // namespace mosaik::consensus
