#include "node/dialing.hpp"

#include <algorithm>

namespace mosaik::node {

DialStanding Dialing::standing(const quic::DialRequest& request, const SocketAddress& address) const {
  if (request.source == quic::DialSource::contact) return DialStanding::proven;
  const std::optional<SocketAddress> met = acquaintances_.find(request.peer);
  if (met == address) return DialStanding::proven;
  return met || vouched_(request.peer) ? DialStanding::attested : DialStanding::hearsay;
}

quic::DialPermit Dialing::permit(const Now& now, quic::DialRequest& request) {
  const std::optional<SocketAddress> met = acquaintances_.find(request.peer);
  const PeerPlace place = met && targets_.is_here(*met) ? PeerPlace::this_computer : PeerPlace::unknown;
  const bool contact = request.source == quic::DialSource::contact;
  std::string_view objection = "no address of it is known";
  std::vector<SocketAddress> targets;
  for (const SocketAddress& address : request.addresses) {
    const std::string_view why = targets_.objection(address, contact ? PeerPlace::this_computer : place);
    if (!why.empty())
      objection = why;
    else if (targets.size() < limits::dial_addresses && std::ranges::find(targets, address) == targets.end())
      targets.push_back(address);
  }
  request.addresses.clear();
  if (targets.empty()) return {.at = never, .why = objection};

  // Of a peer that was met no address is hearsay.
  request.once = standing(request, targets.front()) == DialStanding::hearsay;
  std::ranges::rotate(targets, targets.begin() + static_cast<std::ptrdiff_t>(request.tries % targets.size()));
  const auto hosts_one = [&](const SocketAddress& address) {
    return std::ranges::any_of(request.addresses, [&](const SocketAddress& other) {
      return other.with_port(0) == address.with_port(0) && standing(request, other) != DialStanding::proven;
    });
  };
  Mono at = never;
  for (const SocketAddress& address : targets) {
    const DialStanding known = standing(request, address);
    if (known != DialStanding::proven && hosts_one(address)) continue;  // one at a time, the others in turn
    const Mono ready = budget_.ask(now.mono, known, address);
    at = std::min(at, ready);
    if (ready <= now.mono) request.addresses.push_back(address);
    if (request.once && !request.addresses.empty()) break;
  }
  const auto is_proven = [&](const SocketAddress& address) {
    return standing(request, address) == DialStanding::proven;
  };
  const auto doubtful = [&](const SocketAddress& address) {
    return budget_.doubtful(now.mono, standing(request, address), address);
  };
  if (std::ranges::none_of(request.addresses, is_proven))
    request.once = request.once || std::ranges::any_of(request.addresses, doubtful);
  return {.at = at, .why = {}};
}

void Dialing::on_dialed(const Now& now, quic::LinkId link, const quic::DialRequest& request) {
  for (const SocketAddress& address : request.addresses)
    budget_.on_sent(now.mono, link.value, standing(request, address), address);
}

void Dialing::on_opened(const Now& now, const quic::LinkOpened& opened, AdmissionClass standing) {
  acquaintances_.meet(opened.peer, opened.remote, standing);
  if (opened.side == quic::Side::initiator) budget_.on_answer(now.mono, opened.link.value, opened.remote);
}

void Dialing::on_closed(const Now& now, const quic::LinkClosed& closed) {
  if (closed.close.sent > limits::first_packet)
    budget_.on_more(now.mono, closed.link.value, closed.close.sent - limits::first_packet);
  budget_.on_end(now.mono, closed.link.value,
                 closed.close.refused ? DialBudget::End::refused : DialBudget::End::silent);
}

}  // namespace mosaik::node
