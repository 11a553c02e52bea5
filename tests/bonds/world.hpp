#pragma once
/// A small world for tests of the mesh: hosts with identities, simulated time, and links instead of QUIC.
///
/// One heap ordered by (time, sequence), one seed; time starts at 1 s. A link is what quic/ promises: the acceptor's
/// end opens half a round trip before the initiator's, frames arrive in order, both ends export the same secrets, an
/// end that is gone answers late frames with its close, a process that is gone with a stateless reset. What has arrived
/// is queued at its host and taken up a little later, so that a link may be dead before its owner hears that it opened.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "base/timeline.hpp"
#include "crypto/ed25519.hpp"
#include "crypto/hash.hpp"
#include "identity/entry.hpp"
#include "identity/ranked_seeds.hpp"
#include "link/links.hpp"

namespace mosaik::test {

class World;

/// A host of any kind: it hears the events of its links and the passing of time.
class Host {
 public:
  Host(World& world, std::size_t rank);
  virtual ~Host() = default;
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  virtual void on_event(const LinkEvent& event) = 0;
  virtual void on_timer() {}
  [[nodiscard]] virtual Mono next_deadline() const { return never; }
  /// An entry reaches its catalog.
  virtual void meet(const identity::EntryRef& entry) = 0;
  [[nodiscard]] virtual const identity::EntryRef& own_entry() const = 0;
  virtual void on_synced(const PeerId&, bool) {}

  [[nodiscard]] const PeerId& id() const noexcept { return id_; }
  [[nodiscard]] std::size_t rank() const noexcept { return rank_; }
  [[nodiscard]] SocketAddress address() const {
    return SocketAddress::v4({10, 0, 0, static_cast<std::uint8_t>(rank_ + 1)}, 4433);
  }
  [[nodiscard]] bool alive() const noexcept { return alive_; }

 protected:
  World& world_;

 private:
  friend class World;
  struct Queued {
    LinkEvent event;
    std::vector<std::uint8_t> payload;
  };
  std::size_t rank_;
  PeerId id_;
  bool alive_ = true;
  std::uint64_t life_ = 1;
  std::deque<Queued> inbox_;
  bool taking_up_ = false;
  Mono wake_ = never;
};

/// How the network behaves.
struct Weather {
  Nanoseconds delay = 5ms;
  Nanoseconds jitter = 1ms;
  Nanoseconds service = 100us;    ///< at most this long an event waits for its host
  bool syncs_fail = false;        ///< catalog syncs end without success
  bool port_unreachable = false;  ///< a dead host's system answers that nobody listens
};

class World {
 public:
  explicit World(std::uint64_t seed, const Weather& conditions = {}) : weather(conditions), rng_(seed) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Weather weather;

  template <class T, class... Args>
  T& add(Args&&... args) {
    auto host = std::make_unique<T>(*this, hosts_.size(), std::forward<Args>(args)...);
    T& out = *host;
    hosts_.push_back(std::move(host));
    return out;
  }

  // -- time
  [[nodiscard]] Now now() const { return timeline_.now(); }
  void at(Mono time, std::function<void()> what) { timeline_.at(time, std::move(what)); }
  void after(Nanoseconds pause, std::function<void()> what) { timeline_.after(pause, std::move(what)); }
  void run_for(Nanoseconds span) { timeline_.run_for(span); }
  /// True as soon as `done`; false when the time is over.
  bool run_until(const std::function<bool()>& done, Nanoseconds most = 60s) { return timeline_.run_until(done, most); }
  [[nodiscard]] Rng& rng() noexcept { return rng_; }

  // -- faults
  /// What `from` sends does not reach `to`.
  void cut(const Host& from, const Host& to) { cuts_.insert({from.rank(), to.rank()}); }
  void cut_both(const Host& one, const Host& two) {
    cut(one, two);
    cut(two, one);
  }
  void heal_all();
  /// The process is gone; nothing is said to anybody.
  void kill(Host& host);
  /// A new process with the same key; the caller boots it.
  void revive(Host& host) { host.alive_ = true; }

  /// A catalog sync of two hosts: each gets the other's entry.
  void sync(Host& from, const PeerId& to);
  /// Wakes the host when its next deadline has passed.
  void plan_wake(Host& host);
  [[nodiscard]] Host* find(const PeerId& id) const;

  // -- links, as one host sees them
  [[nodiscard]] Result<LinkId> dial(Host& from, const DialRequest& request);
  SendResult send(Host& from, LinkId link, BytesView payload);
  void finish(Host& from, LinkId link, bool clean);
  void close(Host& from, LinkId link, CloseCode code, CloseMode mode);
  void set_frame_limit(Host& from, LinkId link, std::size_t bytes);
  [[nodiscard]] Result<Bytes32> exporter(const Host& from, LinkId link, BytesView label) const;
  [[nodiscard]] bool is_open(const Host& host, LinkId link) const;

  // -- what was seen
  /// When the first frame of each connection left its initiator and arrived, by the initiator's rank.
  struct FirstFrame {
    std::size_t initiator;
    Mono sent = never;
    Mono arrived = never;
  };
  [[nodiscard]] std::vector<FirstFrame> first_frames() const;
  std::uint64_t dials = 0;

 private:
  enum class Kind : std::uint8_t { initial, ack, frame, fin, close, flush, flushed };
  struct Packet {
    Kind kind{};
    std::vector<std::uint8_t> payload{};
    std::uint64_t code = 0;
    bool clean = true;
  };
  enum class State : std::uint8_t { opening, open, closed };
  struct End {
    Host* host = nullptr;
    std::uint64_t life = 0;
    LinkId id;
    State state = State::opening;
    bool by_us = false;
    bool leaving = false;
    std::uint64_t code = 0;  ///< what late frames are answered with
    std::size_t frame_limit = limits::handshake_frame;
    Mono last_arrival{};
    std::deque<Packet> stuck{};  ///< on their way to this end, held up by a cut
  };
  struct Conn {
    std::array<End, 2> ends;
    Alpn alpn{};
    PeerId wanted;
    Bytes32 secret{};
    Mono first_sent = never;
    Mono first_arrived = never;
  };
  struct Place {
    Conn* conn = nullptr;
    std::size_t end = 0;
    [[nodiscard]] End& here() const { return conn->ends[end]; }
    [[nodiscard]] End& there() const { return conn->ends[1 - end]; }
  };
  [[nodiscard]] Nanoseconds draw_delay() {
    return std::max<Nanoseconds>(rng_.between(weather.delay - weather.jitter, weather.delay + weather.jitter), 1us);
  }
  [[nodiscard]] std::optional<Place> place(const Host& host, LinkId link) const;
  /// Sends from the end at `from` to the other one.
  void post(const Place& from, Packet packet);
  void arrive(const Place& to, Packet packet);
  void arrive_initial(const Place& to);
  void on_dead_end(const Place& to, const Packet& packet);
  void shut(const Place& at, const CloseInfo& info);
  void tell(End& end, LinkEvent event, std::vector<std::uint8_t> payload = {});
  void take_up(Host& host);

  Rng rng_;
  Timeline timeline_;
  std::uint64_t last_link_ = 0;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::deque<Conn> conns_;
  std::map<LinkId, Place> places_;
  std::set<std::pair<std::size_t, std::size_t>> cuts_;
};

/// The links of the world for one host, as its cores see them.
class WorldLinks final : public Links {
 public:
  WorldLinks(World& world, Host& host) : world_(world), host_(host) {}

  [[nodiscard]] Result<LinkId> dial(const Now&, const DialRequest& request) override {
    auto link = world_.dial(host_, request);
    if (link && on_dialed) on_dialed(*link);
    return link;
  }
  SendResult send(LinkId link, SendClass kind, const Frame& frame) override {
    if (full.contains(kind)) return SendResult::full;
    return world_.send(host_, link, frame.payload());
  }
  void close(const Now&, LinkId link, CloseCode code, CloseMode mode) override {
    world_.close(host_, link, code, mode);
  }
  void set_frame_limit(LinkId link, std::size_t bytes) override { world_.set_frame_limit(host_, link, bytes); }
  [[nodiscard]] Result<Bytes32> exporter(LinkId link, BytesView label) const override {
    return world_.exporter(host_, link, label);
  }
  [[nodiscard]] std::optional<LinkStats> stats(LinkId) const override { return LinkStats{}; }

  std::set<SendClass> full;  ///< classes that take nothing
  std::function<void(LinkId)> on_dialed;

 private:
  World& world_;
  Host& host_;
};

}  // namespace mosaik::test

#include "bonds/world_inl.hpp"
