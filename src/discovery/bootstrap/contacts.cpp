#include "discovery/bootstrap/contacts.hpp"

#include "base/assert.hpp"

namespace mosaik::discovery {

std::string text_of(const BootstrapPeer& peer) {
  const bool bare_v6 = peer.host.find(':') != std::string::npos && !peer.host.starts_with('[');
  return (peer.service ? "dns:" : "") + (bare_v6 ? "[" + peer.host + "]" : peer.host) + ":" + std::to_string(peer.port);
}

Contacts::Contacts(std::vector<BootstrapPeer> peers, const PeerId& self) {
  for (BootstrapPeer& peer : peers) {
    if (contacts_.size() == limits::bootstrap_peers) break;
    Contact item{.index = contacts_.size(), .peer = std::move(peer)};
    if (item.peer.id == self) item.stage = Stage::ourselves;
    if (const auto address = SocketAddress::parse(text_of(item.peer))) item.literal = *address;
    contacts_.push_back(std::move(item));
  }
}

Contacts::Queue* Contacts::queue_of(Stage stage) {
  switch (stage) {
    case Stage::waiting: return &waiting_;
    case Stage::resolving: return &resolving_;
    case Stage::trying:
    case Stage::reached:
    case Stage::ourselves: break;
  }
  return nullptr;
}

void Contacts::enter(Contact& contact, Stage stage, Mono at) {
  // Our own id is never tried: we would dial ourselves for ever.
  MOSAIK_ASSERT(contact.stage != Stage::ourselves && stage != Stage::ourselves);
  MOSAIK_ASSERT(stage != Stage::resolving || contact.stage == Stage::trying);
  MOSAIK_ASSERT(stage != Stage::trying || contact.stage == Stage::waiting || contact.stage == Stage::resolving);
  if (Queue* const queue = queue_of(contact.stage)) queue->erase({contact.at, contact.index});
  contact.stage = stage;
  contact.at = at;
  if (Queue* const queue = queue_of(stage); queue != nullptr && at != never) queue->emplace(at, contact.index);
}

void Contacts::start(const Now& now) {
  for (Contact& contact : contacts_)
    if (contact.stage == Stage::waiting) enter(contact, Stage::waiting, now.mono);
}

std::optional<std::size_t> Contacts::take(const Now& now) {
  if (due() > now.mono || waiting_.empty()) return std::nullopt;
  Contact& first = contacts_.at(waiting_.begin()->second);
  enter(first, Stage::trying, never);
  return first.index;
}

void Contacts::resolving(const Now& now, std::size_t index) {
  enter(contacts_.at(index), Stage::resolving, now.mono + resolve_timeout);
}

bool Contacts::resolved(std::size_t index) {
  if (index >= contacts_.size() || contacts_[index].stage != Stage::resolving) return false;
  enter(contacts_[index], Stage::trying, never);
  return true;
}

std::optional<std::size_t> Contacts::overdue(const Now& now) const {
  std::optional<std::size_t> out;
  for (const auto& [at, index] : resolving_) {
    if (at > now.mono) break;
    out = std::min(out.value_or(index), index);
  }
  return out;
}

void Contacts::wait(Contact& contact, const Now& now, Company company, Rng& rng) {
  enter(contact, Stage::waiting,
        now.mono + (company == Company::alone ? contact.quick.next(quick_least, quick_most, rng)
                                              : contact.slow.next(slow_least, slow_most, rng)));
}

void Contacts::failed(const Now& now, std::size_t index, std::string why, Company company, Rng& rng) {
  Contact& contact = contacts_.at(index);
  if (contact.stage == Stage::reached) return;
  contact.why = std::move(why);
  contact.met = false;  // its next answer is news
  wait(contact, now, company, rng);
}

bool Contacts::answered(const Now& now, const PeerId& peer, Rng& rng) {
  bool news = false;
  for (Contact& contact : contacts_) {
    if (contact.peer.id != peer || contact.stage == Stage::reached || contact.stage == Stage::ourselves) continue;
    news = news || !contact.met;
    contact.met = true;
    contact.why.clear();
    contact.quick.reset();
    enter(contact, Stage::waiting, now.mono + contact.slow.next(slow_least, slow_most, rng));
  }
  return news;
}

bool Contacts::bonded(const PeerId& peer) {
  bool news = false;
  for (Contact& contact : contacts_) {
    if (contact.peer.id != peer || contact.stage == Stage::reached || contact.stage == Stage::ourselves) continue;
    contact.met = true;
    contact.why.clear();
    contact.quick.reset();
    contact.slow.reset();
    enter(contact, Stage::reached, never);
    news = true;
  }
  return news;
}

void Contacts::lost(const Now& now, const PeerId& peer, Company company, Rng& rng) {
  for (Contact& contact : contacts_) {
    const bool was_there =
        contact.peer.id == PeerId{} && std::ranges::find(contact.places, peer, &Place::who) != contact.places.end();
    if (was_there && contact.stage == Stage::waiting) wait(contact, now, company, rng);
    if (contact.peer.id != peer) continue;
    contact.met = false;
    if (contact.stage == Stage::reached) wait(contact, now, company, rng);
  }
}

Contacts::Place* Contacts::place(std::size_t index, const SocketAddress& address) {
  std::vector<Place>& places = contacts_.at(index).places;
  const auto found = std::ranges::find(places, address, &Place::address);
  return found == places.end() ? nullptr : &*found;
}

std::optional<Contacts::Asked> Contacts::take_place() {
  for (Contact& contact : contacts_) {
    const auto found = std::ranges::find(contact.places, Turn::due, &Place::turn);
    if (found == contact.places.end()) continue;
    found->turn = Turn::asked;
    return Asked{contact.index, found->address};
  }
  return std::nullopt;
}

void Contacts::place_answered(const Now& now, std::size_t index, const SocketAddress& address, const PeerId& who,
                              Rng& rng) {
  Contact& contact = contacts_.at(index);
  contact.why.clear();
  contact.quick.reset();
  if (Place* const at = place(index, address)) {
    at->turn = Turn::over;
    at->who = who;
    at->synced = true;
  }
  end_round(now, contact, Company::some, rng);
}

void Contacts::place_failed(const Now& now, std::size_t index, const SocketAddress& address, const PeerId& who,
                            std::string why, Company company, Rng& rng) {
  Contact& contact = contacts_.at(index);
  if (Place* const at = place(index, address)) {
    at->turn = Turn::over;
    at->who = who;
    at->synced = false;
  }
  contact.why = (contact.literal ? "" : address.text() + ": ") + std::move(why);
  end_round(now, contact, company, rng);
}

void Contacts::end_round(const Now& now, Contact& contact, Company company, Rng& rng) {
  if (std::ranges::any_of(contact.places, [](const Place& place) { return place.turn != Turn::over; })) return;
  // We ourselves are no company there, and peers of other networks are none either.
  wait(contact, now, std::ranges::any_of(contact.places, &Place::synced) ? Company::some : company, rng);
}

std::vector<ContactStatus> Contacts::status() const {
  std::vector<ContactStatus> out;
  for (const Contact& contact : contacts_) {
    ContactStatus& status = out.emplace_back();
    status.contact = text_of(contact.peer);
    if (contact.peer.id != PeerId{}) status.peer = contact.peer.id;
    if (contact.literal) status.addresses = {*contact.literal};
    for (const Place& place : contact.places) {
      if (std::ranges::find(status.addresses, place.address) == status.addresses.end())
        status.addresses.push_back(place.address);
      if (place.who != PeerId{}) status.answered.push_back(place.who);
    }
    if (contact.met) status.answered = {contact.peer.id};
    status.why = contact.stage == Stage::ourselves ? "that is this node itself" : contact.why;
  }
  return out;
}

void Contacts::alone(const Now& now, Rng& rng) {
  for (Contact& contact : contacts_) {
    if (contact.stage != Stage::waiting && contact.stage != Stage::reached) continue;
    contact.slow.reset();
    contact.quick.reset();
    wait(contact, now, Company::alone, rng);
  }
}

void Contacts::check_invariants() const {
  std::size_t waiting = 0;
  std::size_t resolving = 0;
  for (const Contact& contact : contacts_) {
    const bool timed = contact.at != never;
    waiting += contact.stage == Stage::waiting && timed ? 1 : 0;
    resolving += contact.stage == Stage::resolving ? 1 : 0;
    // A contact comes back for ever: one that waits, or whose name is asked for, has its time.
    MOSAIK_ASSERT(contact.stage != Stage::waiting || !timed || waiting_.contains({contact.at, contact.index}));
    MOSAIK_ASSERT(contact.stage != Stage::resolving || resolving_.contains({contact.at, contact.index}));
    // A place is asked in a round, and in a round the contact is not due: no place is asked twice at a time.
    const bool in_round = std::ranges::any_of(contact.places, [](const Place& at) { return at.turn != Turn::over; });
    MOSAIK_ASSERT(!in_round || contact.stage == Stage::trying);
    MOSAIK_ASSERT(contact.places.size() <= limits::dial_candidates);
  }
  MOSAIK_ASSERT(waiting_.size() == waiting && resolving_.size() == resolving);
}

}  // namespace mosaik::discovery
