#include "node/dial_scheduler.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/trace.hpp"

namespace mosaik::node {

namespace {
/// Why a dial failed is told of so many addresses.
constexpr std::size_t reasons_told = 3;

std::string told(const std::vector<std::string>& reasons) {
  std::string out;
  for (std::size_t i = 0; i < std::min(reasons.size(), reasons_told); ++i) out += (i == 0 ? "" : "; ") + reasons[i];
  if (reasons.size() > reasons_told) out += "; and " + std::to_string(reasons.size() - reasons_told) + " more";
  return out;
}

Decision decision(std::string_view what, std::string_view reason, const PeerId& peer, std::size_t addresses) {
  return {.component = "dial",
          .what = what,
          .reason = reason,
          .peer = peer,
          .fields = {{{"addresses", static_cast<std::int64_t>(addresses)}}}};
}
}  // namespace

void DialScheduler::set_own(const std::vector<SocketAddress>& listening, const std::vector<SocketAddress>& reachable) {
  targets_.set_own(listening, reachable);
  candidates_.set_own(reachable);
}

DialStanding DialScheduler::standing(const DialRequest& request, const SocketAddress& address) const {
  if (request.source == DialSource::contact || candidates_.is_configured(request.peer, address))
    return DialStanding::proven;
  const std::optional<SocketAddress> met = acquaintances_.find(request.peer);
  if (met == address) return DialStanding::proven;
  return met || vouched_(request.peer) ? DialStanding::attested : DialStanding::hearsay;
}

DialPermit DialScheduler::permit(const Now& now, DialRequest& request) {
  DialPermit out = judge(now, request);
  if (out.at == never)
    trace([&] { return decision("dial_refused", out.why, request.peer, request.addresses.size()); });
  else if (out.at > now.mono)
    trace([&] { return decision("dial_postponed", "dial_budget", request.peer, request.addresses.size()); });
  return out;
}

DialPermit DialScheduler::judge(const Now& now, DialRequest& request) {
  const DialCandidates::Known known{.named = std::exchange(request.addresses, {}),
                                    .met = acquaintances_.find(request.peer),
                                    .moved_to = request.moved_to};
  const PeerPlace place = known.met && targets_.is_here(*known.met) ? PeerPlace::this_computer : PeerPlace::unknown;
  std::string_view objection = "no address of it is known";
  std::size_t ours = 0;
  std::vector<SocketAddress> targets;
  for (const SocketAddress& address : candidates_.all(request.peer, known)) {
    const bool told_by_operator =
        request.source == DialSource::contact || candidates_.is_configured(request.peer, address);
    const std::string_view why = targets_.objection(address, told_by_operator ? PeerPlace::this_computer : place);
    if (why.empty())
      targets.push_back(address);
    else
      objection = why;
    ours += targets_.is_own(address) ? 1U : 0U;
  }
  if (targets.empty()) return {.at = never, .why = objection, .ours = ours > 0 && ours == known.named.size()};
  const auto is_hearsay = [&](const SocketAddress& address) {
    return standing(request, address) == DialStanding::hearsay;
  };
  if (std::ranges::all_of(targets, is_hearsay)) return permit_hearsay(now, request, std::move(targets));
  request.addresses = candidates_.choose(now.mono, request.peer, std::move(targets), known);
  Mono at = never;
  for (const SocketAddress& address : request.addresses)
    at = std::min(at, budget_.ask(now.mono, standing(request, address), address));
  return {.at = at, .why = {}};
}

DialPermit DialScheduler::permit_hearsay(const Now& now, DialRequest& request, std::vector<SocketAddress> targets) {
  request.once = true;
  std::ranges::rotate(targets, targets.begin() + static_cast<std::ptrdiff_t>(request.tries % targets.size()));
  Mono at = never;
  for (const SocketAddress& address : targets) {
    const Mono ready = budget_.ask(now.mono, DialStanding::hearsay, address);
    at = std::min(at, ready);
    if (ready > now.mono) continue;
    request.addresses = {address};
    break;
  }
  return {.at = at, .why = {}};
}

Result<LinkId> DialScheduler::dial(const Now& now, const DialRequest& request) {
  Race race{.request = request};
  auto first = start_next(now, race);
  trace([&] {
    return decision(first ? "dial_begun" : "dial_refused",
                    first ? request.alpn.text() : std::string_view(first.error().message), request.peer,
                    request.addresses.size());
  });
  if (first) races_.emplace(*first, std::move(race));
  return first;
}

Result<LinkId> DialScheduler::start_next(const Now& now, Race& race) {
  std::vector<SocketAddress>& waiting = race.request.addresses;
  const auto allowed = [&](const SocketAddress& address) {
    return budget_.may(now.mono, standing(race.request, address), address);
  };
  const auto at = std::ranges::find_if(waiting, allowed);
  race.next_at = waiting.size() > (at == waiting.end() ? 0U : 1U) ? now.mono + stagger : never;
  if (at == waiting.end()) return fail(Errc::limit, "no address of it may be dialed now");
  const SocketAddress address = *at;
  waiting.erase(at);
  const DialStanding known = standing(race.request, address);
  DialRequest one = race.request;
  one.addresses = {address};
  one.once = one.once || known == DialStanding::hearsay ||
             (known != DialStanding::proven && budget_.doubtful(now.mono, known, address));
  if (known != DialStanding::hearsay && candidates_.wants_fresh_port(now.mono, race.request.peer, address))
    one.outlet = outlets_.take(now.mono);
  auto link = transport_.dial(now, one);
  if (!link) return link;
  outlets_.on_dialed(now.mono, *link, one.outlet);
  budget_.on_sent(now.mono, link->value, known, address);
  candidates_.on_tried(now.mono, race.request.peer, address);
  if (!race.name) race.name = *link;
  race.running.push_back(*link);
  tries_[*link] = {.dial = *race.name, .address = address};
  return link;
}

bool DialScheduler::cancel(const Now& now, LinkId dial, CloseCode code) {
  const auto found = races_.find(dial);
  if (found == races_.end()) return false;
  found->second.cancelled = true;
  found->second.next_at = never;
  for (const LinkId link : found->second.running) transport_.close(now, link, code, CloseMode::at_once);
  return true;
}

void DialScheduler::on_opened(const Now& now, LinkOpened& opened, AdmissionClass standing) {
  acquaintances_.meet(opened.peer, opened.remote, standing);
  if (opened.side == Side::acceptor) return;
  budget_.on_answer(now.mono, opened.link.value, opened.remote);
  const auto won = tries_.extract(opened.link);
  if (!won) return;
  const auto race = races_.extract(won.mapped().dial);
  if (!race) return;  // the dial was given up in the same moment
  candidates_.on_answer(race.mapped().request.peer, won.mapped().address);
  trace([&] { return decision("dial_won", "first_to_answer", opened.peer, race.mapped().running.size()); });
  if (race.key() != opened.link) opened.dialed_as = race.key();
  for (const LinkId link : race.mapped().running) {
    if (link == opened.link) continue;
    tries_[link].lost = true;
    transport_.close(now, link, CloseCode::cancelled, CloseMode::at_once);
  }
}

std::optional<LinkClosed> DialScheduler::on_closed(const Now& now, const LinkClosed& closed) {
  outlets_.on_closed(now.mono, closed.link);
  if (closed.close.sent > limits::first_packet)
    budget_.on_more(now.mono, closed.link.value, closed.close.sent - limits::first_packet);
  budget_.on_end(now.mono, closed.link.value,
                 closed.close.refused ? DialBudget::End::refused : DialBudget::End::silent);
  const auto ended = tries_.extract(closed.link);
  if (!ended) return closed;
  if (ended.mapped().lost) return std::nullopt;
  const auto found = races_.find(ended.mapped().dial);
  if (found == races_.end()) return std::nullopt;
  Race& race = found->second;
  std::erase(race.running, closed.link);
  note_failure(now, race, ended.mapped(), closed.close);
  if (!race.cancelled) static_cast<void>(start_next(now, race));
  if (!race.running.empty()) return std::nullopt;
  LinkClosed out{found->first, closed.close};
  out.close.refused = race.refused;
  if (!race.cancelled) out.close.reason = told(race.reasons);
  trace([&] {
    return decision("dial_failed", race.cancelled ? "cancelled" : std::string_view(out.close.reason), race.request.peer,
                    race.reasons.size());
  });
  races_.erase(found);
  return out;
}

void DialScheduler::note_failure(const Now& now, Race& race, const Try& tried, const CloseInfo& close) {
  race.refused = race.refused && close.refused;
  race.reasons.push_back(close.reason);
  if (!close.answered_as) return;
  const PeerId& other = *close.answered_as;
  candidates_.on_foreign(now.mono, race.request.peer, tried.address, other == self_);
  if (other != self_) found_.push_back({other, tried.address, race.request.source});
}

void DialScheduler::on_timer(const Now& now) {
  for (auto& [name, race] : races_)
    if (race.next_at <= now.mono) static_cast<void>(start_next(now, race));
}

void DialScheduler::check_invariants() const {
  std::size_t running = 0;
  for (const auto& [name, race] : races_) {
    // Protects the caller: a dial ends, since something of it is under way that will end.
    MOSAIK_ASSERT(race.name == name && !race.running.empty());
    // Protects the peer: a dial that was given up tries no further address.
    MOSAIK_ASSERT(race.next_at == never || (!race.cancelled && !race.request.addresses.empty()));
    for (const LinkId link : race.running) {
      const auto tried = tries_.find(link);
      // Protects the race: the end of each of its connections is told to it.
      MOSAIK_ASSERT(tried != tries_.end() && tried->second.dial == name && !tried->second.lost);
    }
    running += race.running.size();
  }
  // Protects memory: a connection is of a dial that runs, or has lost and is about to close.
  const auto lost = std::ranges::count_if(tries_, [](const auto& item) { return item.second.lost; });
  MOSAIK_ASSERT(tries_.size() == running + static_cast<std::size_t>(lost));
}

Mono DialScheduler::next_deadline() const {
  Mono out = never;
  for (const auto& [name, race] : races_) out = std::min(out, race.next_at);
  return out;
}

}  // namespace mosaik::node
