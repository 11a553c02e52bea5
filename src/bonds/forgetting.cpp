#include "bonds/forgetting.hpp"

#include <mosaik/serialization/postcard.hpp>

#include "base/assert.hpp"

namespace mosaik::bonds {

std::string_view Forgetting::sign_of_life(const Member& member) const {
  if (member.life.bond() != nullptr) return "it lives: it is bonded with this node";
  if (topology_.names(member.id)) return "it lives: another member is bonded with it";
  if (member.history.loss == LossReason::link)
    return "it lives: other members have heard it, and the link between it and us is down";
  // That we dial it is no sign of its life.
  if (member.life.handshaking() != nullptr) return "a handshake with it is under way; try again";
  return {};
}

Result<std::int64_t> Forgetting::check(const PeerId& peer) const {
  const Member* const member = std::as_const(members_).find(peer);
  if (member == nullptr) return fail(Errc::not_found, "no member " + peer.brief() + " is known in this group");
  if (const std::string_view alive = sign_of_life(*member); !alive.empty())
    return fail(Errc::refused, "member " + peer.brief() + " is not forgotten: " + std::string(alive));
  return member->incarnation();
}

std::vector<std::uint8_t> Forgetting::encode(const PeerId& peer, std::int64_t incarnation) {
  std::vector<std::uint8_t> out;
  postcard::Writer(out).id(peer).zigzag(incarnation);
  return out;
}

void Forgetting::on_asked(const MeshContext& context, BytesView value) {
  postcard::Reader reader(value);
  const PeerId peer = reader.id<PeerId>();
  const std::int64_t incarnation = reader.zigzag();
  const Member* const member = reader.ok() ? std::as_const(members_).find(peer) : nullptr;
  if (member == nullptr) return;
  // A word about a run that we have not heard of counts for the one that we have.
  const std::int64_t known = member->incarnation();
  if (known <= incarnation && sign_of_life(*member).empty()) forget(context, peer, known);
}

void Forgetting::forget(const MeshContext& context, const PeerId& peer, std::int64_t incarnation) {
  Member& member = *members_.find(peer);
  if (const Attempt* const attempt = member.life.attempt()) {
    const LinkId link = attempt->link;
    const auto held = member.life.end_attempt();
    MOSAIK_ASSERT(held.empty());  // a held handshake is a sign of life
    members_.release(link);
    context.links.close(context.now, link, CloseCode::cancelled, CloseMode::at_once);
  }
  members_.forget(context.now, PeerId(peer), incarnation);
  context.events.emplace_back(ForgottenMember{peer});
  context.events.emplace_back(MeshChanged{});
}

}  // namespace mosaik::bonds
