#include <algorithm>
#include <utility>

#include <mosaik/network.hpp>

#include "api/group_view.hpp"
#include "api/network_body.hpp"

namespace mosaik {
namespace {

bool is_own(const Bonds& bonds, const PeerId& self, const PeerId& peer) {
  const Bond* const bond = bonds.between(self, peer);
  return bond != nullptr && bond->is_own();
}

/// The same bonds in the same state; their ages and round trips do not count.
bool same_bonds(const Bonds& left, const Bonds& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](const Bond& x, const Bond& y) {
    return x.id() == y.id() && x.a() == y.a() && x.b() == y.b() && x.state() == y.state() && x.is_own() == y.is_own() &&
           (!x.is_own() || x.session() == y.session());
  });
}

/// Completes with the group's bonds at the first snapshot for which `holds(status)` is true.
template <class Holds>
Future<Result<Bonds>> wait_for(const std::shared_ptr<api::GroupBody>& group, Holds holds) {
  return api::wait_for<Bonds>(group, runtime::Interest::mesh, [holds](const api::GroupView& view) mutable {
    return holds(view.mesh) ? std::optional(view.mesh.bonds) : std::nullopt;
  });
}

}  // namespace

// -- Groups, GroupBuilder

GroupBuilder Groups::with_key(const GroupKey& key) const {
  return {body_, key};
}

GroupBuilder::GroupBuilder(std::shared_ptr<api::NetworkBody> body, const GroupKey& key)
    : body_(std::move(body)), key_(key) {}

GroupBuilder& GroupBuilder::with_consensus(const ConsensusConfig& config) {
  consensus_ = config;
  return *this;
}

Result<Group> GroupBuilder::join() {
  Promise<Result<GroupId>> promise;
  body_->post([key = key_, consensus = consensus_, promise](runtime::RequestDispatcher* dispatcher) {
    if (dispatcher == nullptr)
      promise.set(api::network_closed());
    else
      dispatcher->join(key, consensus, [promise](Result<GroupId> result) { promise.set(std::move(result)); });
  });
  const auto joined = promise.future().get();
  if (!joined) return std::unexpected(joined.error());
  return Group(std::make_shared<api::GroupBody>(body_, *joined));
}

// -- Group

Group::Group(std::shared_ptr<api::GroupBody> body) : body_(std::move(body)) {}
Group::Group(Group&&) noexcept = default;

Group& Group::operator=(Group&& other) noexcept {
  if (this == &other) return *this;
  if (body_) body_->leave();
  body_ = std::move(other.body_);
  return *this;
}

Group::~Group() {
  if (body_) body_->leave();
}

const GroupId& Group::id() const noexcept {
  return body_->id();
}

Bonds Group::bonds() const {
  const auto snapshot = body_->network().snapshot();
  const GroupStatus* const status = body_->in(*snapshot.status);  // null when it is left
  return status == nullptr ? Bonds(body_->network().id(), {}, {}) : status->bonds;
}

GroupStatus Group::status() const {
  const auto snapshot = body_->network().snapshot();
  if (const GroupStatus* const found = body_->in(*snapshot.status)) {
    GroupStatus status = *found;
    api::complete(status, snapshot);
    return status;
  }
  GroupStatus left;
  left.id = body_->id();
  left.health = Health::degraded;
  left.reasons = {"this node has left the group"};
  return left;
}

When Group::when() const {
  return When(body_);
}

Future<Result<>> Group::leave() {
  return body_->leave();
}

// -- When

Future<Result<Bonds>> When::bonds() const {
  return wait_for(body_, [first = std::optional<Bonds>()](const GroupStatus& status) mutable {
    if (!first) first = status.bonds;  // the watch is shown the present at once
    return !same_bonds(*first, status.bonds);
  });
}

Future<Result<Bonds>> When::bonds_reach(std::size_t count) const {
  return wait_for(body_, [count](const GroupStatus& status) { return status.bonds.own().size() >= count; });
}

Future<Result<Bonds>> When::bonded_with(const PeerId& peer) const {
  return wait_for(body_, [self = body_->network().id(), peer](const GroupStatus& status) {
    return is_own(status.bonds, self, peer);
  });
}

Future<Result<Bonds>> When::unbonded_from(const PeerId& peer) const {
  return wait_for(body_, [self = body_->network().id(), peer](const GroupStatus& status) {
    return !is_own(status.bonds, self, peer);
  });
}

Future<Result<Bonds>> When::online() const {
  return wait_for(body_, [](const GroupStatus& status) { return status.online; });
}

Future<Result<Bonds>> When::offline() const {
  return wait_for(body_, [](const GroupStatus& status) { return !status.online; });
}

}  // namespace mosaik
