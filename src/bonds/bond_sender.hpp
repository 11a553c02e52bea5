#pragma once
/// BondSender: the frames that go out over bonds, and when the own topology row is due.
///
/// The row travels behind Pings to peers that understand it. Changes within 20 ms travel together; a row that a full
/// link did not take is offered again after 100 ms.

#include <span>

#include "bonds/lifecycle.hpp"
#include "bonds/mesh_context.hpp"
#include "bonds/mesh_environment.hpp"
#include "bonds/topology.hpp"
#include "wire/extensions.hpp"

namespace mosaik::bonds {

class BondSender {
 public:
  /// Both outlive this.
  BondSender(MeshEnvironment& environment, const Topology& topology) : environment_(environment), topology_(topology) {}

  void ping(const MeshContext& context, LiveBond& bond) { static_cast<void>(ping_with(context, bond, {})); }
  /// A Ping with these extensions, and the row if the peer does not have it. False when the link did not take it.
  bool ping_with(const MeshContext& context, LiveBond& bond, std::span<const wire::Extension> extensions);
  void pong(const MeshContext& context, const LiveBond& bond);
  /// A full class drops the frame: an entry is told again at the next refresh.
  static void tell(const MeshContext& context, const LiveBond& bond, const Frame& frame);
  [[nodiscard]] Frame entry_update();
  [[nodiscard]] Frame bond_formed(const identity::EntryRef& entry);
  [[nodiscard]] Frame departure();

  void on_row_changed(const Now& now);
  [[nodiscard]] Mono row_due() const noexcept { return row_due_; }
  /// The row is being sent to those that do not have it.
  void on_row_sent() noexcept { row_due_ = never; }
  [[nodiscard]] bool lacks_row(const LiveBond& bond) const;

 private:
  MeshEnvironment& environment_;
  const Topology& topology_;
  Mono row_due_ = never;  ///< when the changed own row goes to the peers that do not have it
};

}  // namespace mosaik::bonds
