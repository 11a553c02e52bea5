#pragma once
// Several Discovery cores joined by simulated links and simulated time. Peer n listens on address_of(n).

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <set>

#include "support.hpp"

namespace mosaik::discovery::test {

class World {
 public:
  static constexpr Nanoseconds latency = 5ms;
  static constexpr Nanoseconds handshake_timeout = 5s;

  class Machine;

  /// One end of a link, at one machine.
  struct End {
    std::uint32_t peer = 0;
    LinkId peer_link;
    std::size_t frame_limit = 1U << 20U;
  };

  class Machine final : public Links {
   public:
    Machine(World& world, std::uint32_t n, Config config, std::int64_t last_started)
        : world_(world),
          n_(n),
          self(key_of(n), network, world.now(n).wall, last_started),
          verifier(4096),
          core(Rig::with_network(std::move(config)), self, verifier, pool,
               Rng(n).fork("run", static_cast<std::uint64_t>(self.started()))) {
      self.set_addresses({address_of(n)}, world.now(n).wall);
    }

    Result<LinkId> dial(const Now&, const DialRequest& request) override {
      const LinkId link{++last_};
      world_.dial(n_, link, request);
      return link;
    }
    SendResult send(LinkId link, SendClass, const Frame& frame) override {
      const auto end = ends.find(link);
      if (end == ends.end()) return SendResult::closed;
      const BytesView payload = frame.payload();
      world_.deliver_frame(n_, end->second, {payload.begin(), payload.end()});
      return SendResult::queued;
    }
    void close(const Now&, LinkId link, CloseCode code, CloseMode) override { world_.close(n_, link, code); }
    void set_frame_limit(LinkId link, std::size_t bytes) override {
      if (const auto end = ends.find(link); end != ends.end()) end->second.frame_limit = bytes;
    }
    Result<Bytes32> exporter(LinkId, BytesView) const override { return fail(Errc::not_found, "no TLS here"); }
    std::optional<LinkStats> stats(LinkId) const override { return std::nullopt; }

    LinkId next_link() { return {++last_}; }

   private:
    World& world_;
    std::uint32_t n_;
    std::uint64_t last_ = 0;

   public:
    identity::Self self;
    identity::Verifier verifier;
    FramePool pool;
    std::map<LinkId, End> ends;
    std::set<LinkId> dialing;
    std::vector<DiscoveryEvent> events;
    Discovery core;
  };

  Machine& add(std::uint32_t n, Config config = {}) {
    auto& place = machines_[n];
    const std::int64_t last = place ? place->self.started() : 0;
    place = std::make_unique<Machine>(*this, n, std::move(config), last);
    step(n, [&](Machine& machine) { machine.core.start(now(n), machine, machine.events); });
    return *place;
  }
  /// The process ends without a word.
  void kill(std::uint32_t n) {
    for (auto& [other, machine] : machines_) {
      if (other == n) continue;
      std::vector<LinkId> lost;
      for (const auto& [link, end] : machine->ends)
        if (end.peer == n) lost.push_back(link);
      for (const LinkId link : lost) {
        machine->ends.erase(link);
        post(latency, other, LinkClosed{link, {ClosedBy::stateless_reset, false, 0, ""}});
      }
    }
    dead_.insert(n);
  }
  Machine& restart(std::uint32_t n, Config config = {}) {
    dead_.erase(n);
    ++lives_[n];
    return add(n, std::move(config));
  }
  /// Sides of different numbers do not hear one another.
  void side(std::uint32_t n, int number) { sides_[n] = number; }
  /// These two do not hear each other, whatever their sides.
  void cut(std::uint32_t a, std::uint32_t b) { cuts_.insert(std::minmax(a, b)); }
  void heal() {
    sides_.clear();
    cuts_.clear();
  }
  /// The two hold a bond: each tells the other its entry, now and whenever it is signed anew.
  void bond(std::uint32_t a, std::uint32_t b) {
    for (const auto& [from, to] : {std::pair(a, b), std::pair(b, a)}) {
      bonds_[from].insert(to);
      step(to, [&, from, to](Machine& machine) { machine.core.on_bond(now(to), id_of(from), BondState::up); });
      tell(from, to);
    }
  }
  void set_clock(std::uint32_t n, Nanoseconds off) { wall_off_[n] = off; }
  void name(const std::string& host, std::vector<SocketAddress> addresses) { names_[host] = std::move(addresses); }

  Machine& operator[](std::uint32_t n) { return *machines_.at(n); }
  [[nodiscard]] Now now(std::uint32_t n) const {
    const auto off = wall_off_.find(n);
    return at(elapsed_, off == wall_off_.end() ? 0ns : off->second);
  }
  [[nodiscard]] Nanoseconds elapsed() const { return elapsed_; }
  [[nodiscard]] bool sees(std::uint32_t a, std::uint32_t b) {
    return static_cast<bool>((*this)[a].core.find(id_of(b), now(a)));
  }
  [[nodiscard]] bool all_see_all() {
    return std::ranges::all_of(machines_, [&](const auto& item) {
      return dead_.contains(item.first) ||
             item.second->core.entries(now(item.first)).size() + 1 + dead_.size() == machines_.size();
    });
  }
  [[nodiscard]] std::uint64_t dials() const { return dials_; }

  void pass(Nanoseconds by) {
    pass_until(by, [] { return false; });
  }
  /// False when the time was over before `done` held.
  bool pass_until(Nanoseconds by, const std::function<bool()>& done) {
    const Nanoseconds end = elapsed_ + by;
    for (std::uint64_t still = 0; !done();) {
      const Nanoseconds next = next_instant();
      if (next > end) {
        elapsed_ = end;
        return done();
      }
      still = next > elapsed_ ? 0 : still + 1;
      EXPECT_LT(still, 100'000U) << "time stands still";
      if (still >= 100'000) return false;
      elapsed_ = std::max(elapsed_, next);
      run_instant();
    }
    return true;
  }

 private:
  friend class Machine;

  PeerId id_of(std::uint32_t n) {
    const auto found = ids_.find(n);
    return found != ids_.end() ? found->second : ids_.emplace(n, id_of_peer(n)).first->second;
  }
  [[nodiscard]] bool joined(std::uint32_t a, std::uint32_t b) {
    return !dead_.contains(a) && !dead_.contains(b) && machines_.contains(b) && sides_[a] == sides_[b] &&
           !cuts_.contains(std::minmax(a, b));
  }
  /// Over the bond.
  void tell(std::uint32_t from, std::uint32_t to) {
    later(latency, [this, to, entry = machines_.at(from)->self.entry()] {
      step(to, [&](Machine& machine) { machine.core.feed(now(to), entry, machine.events); });
    });
  }

  void post(Nanoseconds after, std::uint32_t n, LinkEvent event) {
    later(after, [this, n, life = lives_[n], event = std::move(event)] {
      if (dead_.contains(n) || lives_[n] != life) return;
      step(n, [&](Machine& machine) { machine.core.on_link(now(n), event, machine, machine.events); });
    });
  }
  void later(Nanoseconds after, std::function<void()> act) {
    queue_.emplace(std::pair(elapsed_ + after, ++sequence_), std::move(act));
  }

  void dial(std::uint32_t from, LinkId link, const DialRequest& request) {
    ++dials_;
    machines_.at(from)->dialing.insert(link);
    std::optional<std::uint32_t> found;
    bool wrong_key = false;
    for (const auto& [n, machine] : machines_) {
      if (std::ranges::find(request.addresses, address_of(n)) == request.addresses.end() || !joined(from, n)) continue;
      (id_of(n) == request.peer ? found = n, false : wrong_key = true);
    }
    if (!found) {
      const std::uint64_t alert = wrong_key ? 0x12a : 0;
      return post(wrong_key ? 2 * latency : handshake_timeout, from,
                  LinkClosed{link, {ClosedBy::handshake, false, alert, ""}});
    }
    later(latency, [this, from, to = *found, link, alpn = request.alpn] { open(from, to, link, alpn); });
  }
  void open(std::uint32_t from, std::uint32_t to, LinkId link, Alpn alpn) {
    if (!joined(from, to)) return post(handshake_timeout, from, LinkClosed{link, {ClosedBy::handshake, false, 0, ""}});
    if (!machines_.at(from)->dialing.contains(link)) return;
    const LinkId other = machines_.at(to)->next_link();
    machines_.at(to)->ends[other] = {from, link};
    machines_.at(from)->ends[link] = {to, other};
    post(0ms, to, LinkOpened{other, id_of(from), alpn, Side::acceptor, address_of(from)});
    post(latency, from, LinkOpened{link, id_of(to), alpn, Side::initiator, address_of(to)});
  }
  void deliver_frame(std::uint32_t from, const End& end, std::vector<std::uint8_t> payload) {
    later(latency, [this, from, to = end.peer, link = end.peer_link, payload = std::move(payload)] {
      if (!joined(from, to)) return;
      const auto found = machines_.at(to)->ends.find(link);
      if (found == machines_.at(to)->ends.end()) return;
      if (payload.size() > found->second.frame_limit) return post(0ms, to, LinkOversized{link});
      step(to,
           [&](Machine& machine) { machine.core.on_link(now(to), LinkFrame{link, payload}, machine, machine.events); });
    });
  }
  void close(std::uint32_t n, LinkId link, CloseCode code) {
    machines_.at(n)->dialing.erase(link);
    post(0ms, n, LinkClosed{link, {ClosedBy::us, true, static_cast<std::uint64_t>(code), ""}});
    const auto found = machines_.at(n)->ends.find(link);
    if (found == machines_.at(n)->ends.end()) return;
    const End end = found->second;
    machines_.at(n)->ends.erase(found);
    later(latency, [this, n, end, code] {
      if (dead_.contains(end.peer) || machines_.at(end.peer)->ends.erase(end.peer_link) == 0) return;
      const CloseInfo info = joined(n, end.peer) ? CloseInfo{ClosedBy::peer, true, static_cast<std::uint64_t>(code), ""}
                                                 : CloseInfo{ClosedBy::idle, false, 0, ""};
      post(info.by == ClosedBy::idle ? 30s : 0s, end.peer, LinkClosed{end.peer_link, info});
    });
  }

  void step(std::uint32_t n, const std::function<void(Machine&)>& act) {
    Machine& machine = *machines_.at(n);
    const std::size_t before = machine.events.size();
    act(machine);
    machine.core.check_invariants();
    for (std::size_t i = before; i < machine.events.size(); ++i) {
      if (std::holds_alternative<SelfRefreshed>(machine.events[i]))
        for (const std::uint32_t to : bonds_[n]) tell(n, to);
      const auto* resolve = std::get_if<Resolve>(&machine.events[i]);
      if (resolve == nullptr) continue;
      const auto known = names_.find(resolve->host);
      Result<std::vector<SocketAddress>> answer = fail(Errc::not_found, "no such name");
      if (known != names_.end()) answer = known->second;
      later(latency, [this, n, life = lives_[n], index = resolve->bootstrap, answer] {
        if (dead_.contains(n) || lives_[n] != life) return;
        step(n, [&](Machine& again) { again.core.on_resolved(now(n), index, answer, again, again.events); });
      });
    }
  }
  Nanoseconds next_instant() {
    Nanoseconds out = queue_.empty() ? Nanoseconds::max() : queue_.begin()->first.first;
    for (const auto& [n, machine] : machines_) {
      const Mono deadline = dead_.contains(n) ? never : machine->core.next_deadline();
      if (deadline != never) out = std::min(out, deadline - mono_start);
    }
    return out;
  }
  void run_instant() {
    while (!queue_.empty() && queue_.begin()->first.first <= elapsed_) {
      const auto act = std::move(queue_.begin()->second);
      queue_.erase(queue_.begin());
      act();
    }
    for (const auto& [n, machine] : machines_)
      if (!dead_.contains(n) && machine->core.next_deadline() <= now(n).mono)
        step(n, [&](Machine& each) { each.core.on_timer(now(n), each, each.events); });
  }

  Nanoseconds elapsed_{};
  std::uint64_t sequence_ = 0;
  std::uint64_t dials_ = 0;
  std::map<std::uint32_t, std::unique_ptr<Machine>> machines_;
  std::map<std::uint32_t, PeerId> ids_;
  std::map<std::uint32_t, int> sides_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> cuts_;
  std::map<std::uint32_t, std::set<std::uint32_t>> bonds_;
  std::map<std::uint32_t, int> lives_;
  std::map<std::uint32_t, Nanoseconds> wall_off_;
  std::set<std::uint32_t> dead_;
  std::map<std::string, std::vector<SocketAddress>> names_;
  std::map<std::pair<Nanoseconds, std::uint64_t>, std::function<void()>> queue_;
};

/// HOST:PORT of peer n, as a bootstrap peer.
inline BootstrapPeer bootstrap_of(std::uint32_t n) {
  const auto octets = address_of(n).octets();
  std::string host;
  for (std::size_t i = 0; i < 4; ++i) host += (i == 0 ? "" : ".") + std::to_string(octets[i]);
  return {id_of_peer(n), host, address_of(n).port()};
}
inline Config config_of(const std::vector<std::uint32_t>& bootstrap) {
  Config out;
  for (const std::uint32_t n : bootstrap) out.bootstrap.push_back(bootstrap_of(n));
  return out;
}

}  // namespace mosaik::discovery::test
