#include "discovery/bootstrap.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace mosaik::discovery {

std::string text_of(const BootstrapPeer& peer) {
  const bool bare_v6 = peer.host.find(':') != std::string::npos && !peer.host.starts_with('[');
  return (peer.service ? "dns:" : "") + (bare_v6 ? "[" + peer.host + "]" : peer.host) + ":" + std::to_string(peer.port);
}

Bootstrap::Bootstrap(std::vector<BootstrapPeer> peers, const PeerId& self) {
  for (BootstrapPeer& peer : peers) {
    if (peers_.size() == limits::bootstrap_peers) break;
    Peer item;
    if (peer.id == self) item.stage = Stage::ourselves;
    if (const auto address = SocketAddress::parse(text_of(peer))) item.literal = *address;
    item.peer = std::move(peer);
    peers_.push_back(std::move(item));
  }
}

void Bootstrap::start(const Now& now) {
  for (Peer& peer : peers_)
    if (peer.stage == Stage::waiting) peer.at = now.mono;
}

std::optional<std::size_t> Bootstrap::take(const Now& now) {
  Peer* first = nullptr;
  for (Peer& peer : peers_)
    if (peer.stage == Stage::waiting && peer.at <= now.mono && (first == nullptr || peer.at < first->at)) first = &peer;
  if (first == nullptr) return std::nullopt;
  first->stage = Stage::trying;
  return static_cast<std::size_t>(first - peers_.data());
}

void Bootstrap::resolving(const Now& now, std::size_t index) {
  peers_.at(index).stage = Stage::resolving;
  peers_.at(index).at = now.mono + resolve_timeout;
}

bool Bootstrap::resolved(std::size_t index) {
  if (index >= peers_.size() || peers_[index].stage != Stage::resolving) return false;
  peers_[index].stage = Stage::trying;
  return true;
}

std::optional<std::size_t> Bootstrap::overdue(const Now& now) const {
  for (std::size_t i = 0; i < peers_.size(); ++i)
    if (peers_[i].stage == Stage::resolving && peers_[i].at <= now.mono) return i;
  return std::nullopt;
}

void Bootstrap::wait(Peer& peer, const Now& now, Company company, Rng& rng) {
  peer.stage = Stage::waiting;
  peer.at = now.mono + (company == Company::alone ? peer.quick.next(quick_least, quick_most, rng)
                                                  : peer.slow.next(slow_least, slow_most, rng));
}

void Bootstrap::failed(const Now& now, std::size_t index, std::string why, Company company, Rng& rng) {
  if (peers_.at(index).stage == Stage::reached) return;
  peers_[index].why = std::move(why);
  peers_[index].met = false;  // its next answer is news
  wait(peers_[index], now, company, rng);
}

bool Bootstrap::answered(const Now& now, const PeerId& peer, Rng& rng) {
  bool news = false;
  for (Peer& item : peers_) {
    if (item.peer.id != peer || item.stage == Stage::reached || item.stage == Stage::ourselves) continue;
    news = news || !item.met;
    item.met = true;
    item.why.clear();
    item.quick.reset();
    item.stage = Stage::waiting;
    item.at = now.mono + item.slow.next(slow_least, slow_most, rng);
  }
  return news;
}

bool Bootstrap::bonded(const PeerId& peer) {
  bool news = false;
  for (Peer& item : peers_) {
    if (item.peer.id != peer || item.stage == Stage::reached || item.stage == Stage::ourselves) continue;
    item.met = true;
    item.why.clear();
    item.stage = Stage::reached;
    item.quick.reset();
    item.slow.reset();
    news = true;
  }
  return news;
}

void Bootstrap::lost(const Now& now, const PeerId& peer, Company company, Rng& rng) {
  for (Peer& item : peers_) {
    const bool was_there =
        item.peer.id == PeerId{} && std::ranges::find(item.places, peer, &Place::who) != item.places.end();
    if (was_there && item.stage == Stage::waiting) wait(item, now, company, rng);
    if (item.peer.id != peer) continue;
    item.met = false;
    if (item.stage == Stage::reached) wait(item, now, company, rng);
  }
}

Bootstrap::Place* Bootstrap::place(std::size_t index, const SocketAddress& address) {
  std::vector<Place>& places = peers_.at(index).places;
  const auto found = std::ranges::find(places, address, &Place::address);
  return found == places.end() ? nullptr : &*found;
}

std::optional<Bootstrap::Asked> Bootstrap::take_place() {
  for (std::size_t i = 0; i < peers_.size(); ++i)
    for (Place& place : peers_[i].places) {
      if (!std::exchange(place.due, false)) continue;
      place.asked = true;
      return Asked{i, place.address};
    }
  return std::nullopt;
}

void Bootstrap::place_answered(const Now& now, std::size_t index, const SocketAddress& address, const PeerId& who,
                               Rng& rng) {
  Peer& peer = peers_.at(index);
  peer.why.clear();
  peer.quick.reset();
  if (Place* const at = place(index, address)) {
    at->asked = false;
    at->who = who;
    at->synced = true;
  }
  end_round(now, peer, Company::some, rng);
}

void Bootstrap::place_failed(const Now& now, std::size_t index, const SocketAddress& address, const PeerId& who,
                             std::string why, Company company, Rng& rng) {
  Peer& peer = peers_.at(index);
  if (Place* const at = place(index, address)) {
    at->asked = false;
    at->who = who;
    at->synced = false;
  }
  peer.why = (peer.literal ? "" : address.text() + ": ") + std::move(why);
  end_round(now, peer, company, rng);
}

void Bootstrap::end_round(const Now& now, Peer& peer, Company company, Rng& rng) const {
  const auto open = [](const Place& place) { return place.due || place.asked; };
  if (std::ranges::any_of(peer.places, open)) return;
  // We ourselves are no company there, and peers of other networks are none either.
  wait(peer, now, std::ranges::any_of(peer.places, &Place::synced) ? Company::some : company, rng);
}

std::vector<ContactStatus> Bootstrap::contacts() const {
  std::vector<ContactStatus> out;
  for (const Peer& peer : peers_) {
    ContactStatus& status = out.emplace_back();
    status.contact = text_of(peer.peer);
    if (peer.peer.id != PeerId{}) status.peer = peer.peer.id;
    if (peer.literal) status.addresses = {*peer.literal};
    for (const Place& place : peer.places) {
      if (std::ranges::find(status.addresses, place.address) == status.addresses.end())
        status.addresses.push_back(place.address);
      if (place.who != PeerId{}) status.answered.push_back(place.who);
    }
    if (peer.met) status.answered = {peer.peer.id};
    status.why = peer.stage == Stage::ourselves ? "that is this node itself" : peer.why;
  }
  return out;
}

void Bootstrap::alone(const Now& now, Rng& rng) {
  for (Peer& item : peers_) {
    if (item.stage != Stage::waiting && item.stage != Stage::reached) continue;
    item.slow.reset();
    item.quick.reset();
    wait(item, now, Company::alone, rng);
  }
}

Mono Bootstrap::due() const {
  Mono out = never;
  for (const Peer& peer : peers_)
    if (peer.stage == Stage::waiting) out = std::min(out, peer.at);
  return out;
}

Mono Bootstrap::resolve_deadline() const {
  Mono out = never;
  for (const Peer& peer : peers_)
    if (peer.stage == Stage::resolving) out = std::min(out, peer.at);
  return out;
}

}  // namespace mosaik::discovery
