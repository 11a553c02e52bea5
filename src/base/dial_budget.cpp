#include "base/dial_budget.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/dial_targets.hpp"

namespace mosaik {

namespace {
constexpr Nanoseconds minute = 60s;
// Half of the budget is there at once, the other half grows in a minute: no minute sees more than the whole.
constexpr std::size_t hearsay_burst = limits::hearsay_bytes / 2;
constexpr Nanoseconds cost_of(std::size_t bytes) {
  return minute * static_cast<Nanoseconds::rep>(bytes) / static_cast<Nanoseconds::rep>(hearsay_burst);
}
constexpr Nanoseconds hearsay_pause = Nanoseconds(1s) / limits::hearsay_dials;

// A silence takes one of three tokens, of which six grow in a minute.
constexpr Nanoseconds silence_cost = minute / limits::silences_a_minute;
constexpr Nanoseconds silence_capacity = silence_cost * limits::silences_at_once;

// Those that wait for one place come back after this, and this much after one another.
constexpr Nanoseconds queue_pause = 10ms;
constexpr Nanoseconds queue_step = 5ms;
constexpr Nanoseconds queue_most = 5s;
constexpr Nanoseconds sweep_pause = 1s;

bool is_host(const SocketAddress& place) noexcept {
  return place.port() == 0;
}
/// So many first packets may be under way to a place of which nothing is known. The processes of this computer are
/// many, and they are no third party.
std::size_t at_a_time_first(const SocketAddress& place) noexcept {
  return is_host(place) && place.is_loopback() ? 8 : 1;
}
/// A host that says that nobody listens spends little on it; this computer spends it on itself.
Nanoseconds cost_of_refusal(const SocketAddress& place) noexcept {
  if (!is_host(place)) return silence_cost;
  return place.is_loopback() ? Nanoseconds{} : silence_cost / 4;
}
}  // namespace

SocketAddress host_of(const SocketAddress& address) noexcept {
  if (address.is_v4() || address.is_loopback()) return address.with_port(0);
  auto octets = address.octets();
  std::fill(octets.begin() + 8, octets.end(), std::uint8_t{0});
  return SocketAddress::v6(octets, 0);
}

DialBudget::Record* DialBudget::find(DialStanding standing, const SocketAddress& address) {
  const auto found = places_.find({standing, address});
  return found == places_.end() ? nullptr : &found->second;
}

DialBudget::Record& DialBudget::record(DialStanding standing, const SocketAddress& place) {
  const auto [found, added] = places_.try_emplace({standing, place});
  if (added) found->second.at_a_time = at_a_time_first(place);
  return found->second;
}

bool DialBudget::doubtful(Mono now, DialStanding standing, const SocketAddress& named) const {
  const SocketAddress address = unmapped(named);
  const auto found = places_.find({standing, address});
  return found != places_.end() && found->second.failures.ready(now, 2 * silence_cost, silence_capacity) > now;
}

bool DialBudget::fits() const noexcept {
  return places_.size() + 2 <= limits::dial_places;
}

bool DialBudget::has_room(Mono now) {
  if (fits()) return true;
  if (now < swept_ + sweep_pause) return false;
  swept_ = now;
  std::erase_if(places_,
                [&](const auto& item) { return item.second.unanswered == 0 && item.second.failures.full(now); });
  return fits();
}

Mono DialBudget::ask_place(Mono now, DialStanding standing, const SocketAddress& address) {
  Record* const record = find(standing, address);
  if (record == nullptr) return now;
  const Mono ready = rested(now, *record);
  if (ready > now) return ready;
  if (has_turn(now, *record)) return now;
  if (standing == DialStanding::hearsay) return now + hearsay_pause;
  record->queued_until = std::min(std::max(record->queued_until, now + queue_pause) + queue_step, now + queue_most);
  return record->queued_until;
}

Mono DialBudget::rested(Mono now, const Record& record) noexcept {
  return record.failures.ready(now, silence_cost, silence_capacity);
}

// Where something was silent of late, one at a time: several could all be silent before the first is known to be.
bool DialBudget::has_turn(Mono now, const Record& record) noexcept {
  return record.unanswered < (record.failures.full(now) ? record.at_a_time : 1);
}

bool DialBudget::may(Mono now, DialStanding standing, const SocketAddress& named) const {
  if (standing == DialStanding::proven) return true;
  const SocketAddress address = unmapped(named);
  const auto free = [&](const SocketAddress& place) {
    const auto found = places_.find({standing, place});
    return found == places_.end() || (rested(now, found->second) <= now && has_turn(now, found->second));
  };
  if (!free(address) || !free(host_of(address))) return false;
  const bool known = places_.contains({standing, address});
  if (standing == DialStanding::hearsay || (!known && !fits())) return ask_hearsay(now) <= now;
  return attested_running_ < limits::attested_dials;
}

Mono DialBudget::ask_hearsay(Mono now) const {
  return std::max(hearsay_sent_[next_sent_] + 1s, hearsay_bytes_.ready(now, cost_of(limits::first_packet), minute));
}

Mono DialBudget::ask(Mono now, DialStanding standing, const SocketAddress& named) {
  const SocketAddress address = unmapped(named);
  if (standing == DialStanding::proven) return now;
  Mono ready = ask_place(now, standing, address);
  ready = std::max(ready, ask_place(now, standing, host_of(address)));
  const bool known = find(standing, address) != nullptr;
  if (standing == DialStanding::hearsay || (!known && !has_room(now))) return std::max(ready, ask_hearsay(now));
  return attested_running_ < limits::attested_dials ? ready : std::max(ready, now + queue_pause);
}

void DialBudget::on_sent(Mono now, DialId dial, DialStanding standing, const SocketAddress& named) {
  const SocketAddress address = unmapped(named);
  if (standing == DialStanding::proven) return;
  const bool remembered = find(standing, address) != nullptr || has_room(now);
  // What cannot be remembered is paid for by the budget of hearsay.
  if (!remembered) standing = DialStanding::hearsay;
  if (standing == DialStanding::hearsay) {
    hearsay_bytes_.take(now, cost_of(limits::first_packet), never - now);
    hearsay_sent_[next_sent_] = now;
    next_sent_ = (next_sent_ + 1) % hearsay_sent_.size();
  } else {
    ++attested_running_;
  }
  dials_[dial].push_back({standing, address, remembered});
  if (!remembered) return;
  for (const SocketAddress& place : {address, host_of(address)}) ++record(standing, place).unanswered;
}

void DialBudget::on_more(Mono now, DialId dial, std::size_t bytes) {
  const auto found = dials_.find(dial);
  if (found == dials_.end()) return;
  const bool hearsay =
      std::ranges::any_of(found->second, [](const Packet& packet) { return packet.standing == DialStanding::hearsay; });
  if (hearsay) hearsay_bytes_.take(now, cost_of(bytes), never - now);
}

/// One place is no longer waiting for an answer. Without a failure it was answered.
void DialBudget::settle(Mono now, const Packet& packet, const SocketAddress& place, std::optional<End> failure) {
  Record* const record = find(packet.standing, place);
  if (record == nullptr) return;
  MOSAIK_ASSERT(record->unanswered > 0);
  --record->unanswered;
  if (!failure) {
    if (is_host(place)) record->at_a_time = std::min(record->at_a_time + 1, limits::attested_dials);
  } else {
    record->at_a_time = at_a_time_first(place);
    record->failures.take(now, *failure == End::refused ? cost_of_refusal(place) : silence_cost, silence_capacity);
  }
  if (record->unanswered == 0 && record->failures.full(now) && record->at_a_time == at_a_time_first(place))
    places_.erase({packet.standing, place});
}

void DialBudget::on_answer(Mono now, DialId dial, const SocketAddress& from) {
  finish(now, dial, unmapped(from), End::silent);
}

void DialBudget::on_end(Mono now, DialId dial, End how) {
  finish(now, dial, std::nullopt, how);
}

/// The dial has no more packets under way: one was answered, if any, and the others have failed.
void DialBudget::finish(Mono now, DialId dial, const std::optional<SocketAddress>& answered_at, End others) {
  const auto found = dials_.extract(dial);
  if (!found) return;
  for (const Packet& packet : found.mapped()) {
    if (packet.standing == DialStanding::attested) --attested_running_;
    const bool answered = packet.address == answered_at;
    if (answered && packet.standing == DialStanding::hearsay) hearsay_bytes_.give_back(cost_of(limits::first_packet));
    if (!packet.remembered) continue;
    const std::optional<End> failure = answered ? std::nullopt : std::optional(others);
    settle(now, packet, packet.address, failure);
    settle(now, packet, host_of(packet.address), failure);
  }
}

}  // namespace mosaik
