/// udp_attack: a stranger with a socket, against a running node.
///
///   udp_attack MODE IP:PORT [--links N] [--seconds T] [--rate R] [--alpn NAME] [--sources K] [--seed S]
///              [--network NAME] [--group ID] [--at IP:PORT,...] [--ack-delay MS]
///
/// --ack-delay: the max_ack_delay that each link announces.
///
///   idle        holds N links that send four bytes of a frame and no more; replaces those that are closed
///   handshakes  makes whole handshakes as fast as it can, and then says nothing
///   bursts      makes handshakes, and sends 250 kB of empty frames and a close at once on each link, whatever
///   congestion
///               control says
///   initials    sends first packets of connections that never go on: R a second, 0 = as fast as it can
///   frames      hostile connections with the grammar of sim::Attacker, one after the other
///   entries     two syncs, with N invented entries together, that name the network (--network), the group (--group)
///   and
///               the addresses --at (comma-separated), or else four ports of its own, at which it counts what arrives
///
/// Sources are addresses 127.x.y.1 in networks of their own where the target is on loopback. Prints one line of
/// figures.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "identity/entry.hpp"
#include "sim/hostile/attacker.hpp"
#include "wire/messages.hpp"

namespace {

using namespace mosaik;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string mode;
  sockaddr_in target{};
  std::size_t links = 64;
  double seconds = 10;
  std::uint64_t rate = 0;
  std::string alpn = "/mosaik/discovery/sync/1.0";
  unsigned sources = 1;
  std::uint64_t seed = 1;
  std::optional<std::uint64_t> ack_delay;  ///< milliseconds
  std::string network;
  std::optional<GroupId> group;
  std::vector<SocketAddress> at;
};

[[noreturn]] void usage(const std::string& why) {
  std::fprintf(stderr, "udp_attack: %s\n", why.c_str());
  std::exit(64);
}

template <class T>
T number(std::string_view text) {
  T out{};
  if (std::from_chars(text.data(), text.data() + text.size(), out).ptr != text.data() + text.size())
    usage("'" + std::string(text) + "' is not a number");
  return out;
}

GroupId group_id(std::string_view text) {
  const auto id = GroupId::from_hex(text);
  if (!id) usage("'" + std::string(text) + "' is not a group's id");
  return *id;
}

std::vector<SocketAddress> addresses(std::string_view text) {
  std::vector<SocketAddress> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const auto address = SocketAddress::parse(text.substr(0, end));
    if (!address) usage(address.error().message);
    out.push_back(*address);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

Options read(int count, char** words) {
  if (count < 3) usage("MODE and IP:PORT are needed");
  Options out;
  out.mode = words[1];
  const std::string at = words[2];
  const std::size_t colon = at.rfind(':');
  out.target.sin_family = AF_INET;
  if (colon == std::string::npos || inet_pton(AF_INET, at.substr(0, colon).c_str(), &out.target.sin_addr) != 1)
    usage("'" + at + "' is no IPv4 address and port");
  out.target.sin_port = htons(number<std::uint16_t>(std::string_view(at).substr(colon + 1)));
  for (int i = 3; i + 1 < count; i += 2) {
    const std::string_view word = words[i], value = words[i + 1];
    if (word == "--links")
      out.links = number<std::size_t>(value);
    else if (word == "--seconds")
      out.seconds = number<double>(value);
    else if (word == "--rate")
      out.rate = number<std::uint64_t>(value);
    else if (word == "--alpn")
      out.alpn = value;
    else if (word == "--sources")
      out.sources = number<unsigned>(value);
    else if (word == "--ack-delay")
      out.ack_delay = number<std::uint64_t>(value);
    else if (word == "--network")
      out.network = value;
    else if (word == "--group")
      out.group = group_id(value);
    else if (word == "--at")
      out.at = addresses(value);
    else if (word == "--seed")
      out.seed = number<std::uint64_t>(value);
    else
      usage("no option " + std::string(word));
  }
  return out;
}

Mono mono() {
  return Mono(std::chrono::duration_cast<Nanoseconds>(Clock::now().time_since_epoch()));
}

/// A connected socket, at one of the sources.
class Socket {
 public:
  Socket(const Options& options, std::size_t source) : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    if (fd_ < 0) usage("no more sockets; raise `ulimit -n`");
    if (options.sources > 1) {
      sockaddr_in own{};
      own.sin_family = AF_INET;
      own.sin_addr.s_addr = htonl(0x7f000001U + (static_cast<std::uint32_t>(1 + source % options.sources) << 8U));
      static_cast<void>(bind(fd_, reinterpret_cast<const sockaddr*>(&own), sizeof own));
    }
    static_cast<void>(connect(fd_, reinterpret_cast<const sockaddr*>(&options.target), sizeof options.target));
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { close(fd_); }

  bool put(BytesView bytes) const { return ::send(fd_, bytes.data(), bytes.size(), 0) >= 0; }
  std::optional<std::vector<std::uint8_t>> take() const {
    std::vector<std::uint8_t> room(65536);
    const ssize_t size = recv(fd_, room.data(), room.size(), 0);
    if (size < 0) return std::nullopt;
    room.resize(static_cast<std::size_t>(size));
    return room;
  }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

std::uint64_t peers_made = 0;

sim::RawPeer::Identity identity(const Options& options, const std::string& alpn) {
  Bytes32 seed{};
  const std::uint64_t number = options.seed * 1'000'003 + ++peers_made;
  std::memcpy(seed.data(), &number, sizeof number);
  sim::RawParameters parameters{};
  if (options.ack_delay) parameters.max_ack_delay = std::chrono::milliseconds(*options.ack_delay);
  return {crypto::SecretKey::from_seed(seed), alpn, number, parameters};
}

/// A stranger's connection and its socket.
struct Link {
  Link(const Options& options, std::size_t source, const std::string& alpn)
      : socket(options, source), peer(sim::RawPeer::dial(identity(options, alpn), mono())) {}
  void pump() {
    while (const auto datagram = socket.take())
      if (!datagram->empty()) peer->receive(mono(), *datagram);
    for (const auto& datagram : peer->send(mono())) socket.put(datagram);
  }
  Socket socket;
  std::unique_ptr<sim::RawPeer> peer;
  bool spoken = false;
  Clock::time_point begun = Clock::now();
};

bool over(const Options& options, Clock::time_point begun) {
  return Clock::now() - begun > std::chrono::duration<double>(options.seconds);
}

void wait_for_any(const std::vector<std::unique_ptr<Link>>& links) {
  std::vector<pollfd> fds;
  for (const auto& link : links) fds.push_back({link->socket.fd(), POLLIN, 0});
  static_cast<void>(poll(fds.data(), fds.size(), 5));
}

void idle(const Options& options) {
  const auto begun = Clock::now();
  std::vector<std::unique_ptr<Link>> links;
  std::size_t made = 0, opened = 0;
  while (!over(options, begun)) {
    for (int burst = 0; links.size() < options.links && burst < 32; ++burst, ++made)
      links.push_back(std::make_unique<Link>(options, made, options.alpn));
    for (auto& link : links) {
      link->pump();
      if (link->spoken || !link->peer->ready()) continue;
      constexpr std::array<std::uint8_t, 4> begin_of_frame = {0, 0, 0x10, 0};
      link->peer->write_stream(mono(), begin_of_frame);
      link->spoken = true;
      ++opened;
      link->pump();
    }
    std::erase_if(links, [](const auto& link) {
      return link->peer->closed_with() || Clock::now() - link->begun > std::chrono::seconds(20);
    });
    wait_for_any(links);
  }
  std::printf("idle: %zu links begun, %zu opened\n", made, opened);
}

void handshakes(const Options& options) {
  const auto begun = Clock::now();
  std::vector<std::unique_ptr<Link>> links;
  std::size_t made = 0, done = 0;
  while (!over(options, begun)) {
    for (; links.size() < options.links; ++made) links.push_back(std::make_unique<Link>(options, made, options.alpn));
    for (auto& link : links) link->pump();
    done += static_cast<std::size_t>(std::erase_if(links, [](const auto& link) {
      return link->peer->ready() || link->peer->closed_with() || Clock::now() - link->begun > std::chrono::seconds(2);
    }));
    wait_for_any(links);
  }
  std::printf("handshakes: %zu begun, %zu done, %.0f a second\n", made, done,
              static_cast<double>(done) / options.seconds);
}

/// A STREAM frame of zeros, which are empty frames of ours, in one packet; the last one with a CONNECTION_CLOSE.
std::vector<std::uint8_t> zeros(std::size_t at, std::size_t size, bool last) {
  std::vector<std::uint8_t> out = {0x0e, 0x00};
  for (const std::size_t value : {at, size})
    for (const unsigned shift : {24U, 16U, 8U, 0U})
      out.push_back(static_cast<std::uint8_t>((shift == 24U ? 0x80U : 0U) | (value >> shift & 0xffU)));
  out.resize(out.size() + size, 0);
  if (last) out.insert(out.end(), {0x1d, 0x00, 0x00});
  return out;
}

void bursts(const Options& options) {
  constexpr std::size_t total = 250'000, in_packet = 8000;
  const auto begun = Clock::now();
  std::vector<std::unique_ptr<Link>> links;
  std::size_t made = 0, done = 0;
  while (!over(options, begun)) {
    for (; links.size() < options.links; ++made) links.push_back(std::make_unique<Link>(options, made, options.alpn));
    for (auto& link : links) {
      link->pump();
      if (!link->peer->ready() || link->spoken) continue;
      link->spoken = true;
      link->pump();
      for (std::size_t at = 0; at < total; at += in_packet) {
        const std::size_t size = std::min(in_packet, total - at);
        if (const auto datagram = link->peer->seal({}, zeros(at, size, at + size == total)))
          static_cast<void>(link->socket.put(*datagram));
      }
      ++done;
    }
    std::erase_if(links, [](const auto& link) {
      return link->spoken || link->peer->closed_with() || Clock::now() - link->begun > std::chrono::seconds(2);
    });
    wait_for_any(links);
  }
  std::printf("bursts: %zu begun, %zu done, %.0f a second\n", made, done, static_cast<double>(done) / options.seconds);
}

void initials(const Options& options) {
  std::vector<std::vector<std::uint8_t>> first;
  for (int i = 0; i < 512; ++i)
    for (auto& datagram : sim::RawPeer::dial(identity(options, options.alpn), mono())->send(mono()))
      first.push_back(std::move(datagram));
  std::vector<std::unique_ptr<Socket>> sockets;
  for (std::size_t i = 0; i < std::max<std::size_t>(options.links, 1); ++i)
    sockets.push_back(std::make_unique<Socket>(options, i));
  const auto begun = Clock::now();
  std::uint64_t sent = 0;
  while (!over(options, begun)) {
    if (options.rate > 0) {
      const double due =
          std::chrono::duration<double>(Clock::now() - begun).count() * static_cast<double>(options.rate);
      if (static_cast<double>(sent) >= due) {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
        continue;
      }
    }
    // The last bytes of the client's id are its own choice: each packet is another connection's for who looks no
    // further.
    sockets[sent % sockets.size()]->put(first[sent % first.size()]);
    ++sent;
  }
  std::printf("initials: %llu sent, %.0f a second\n", static_cast<unsigned long long>(sent),
              static_cast<double>(sent) / options.seconds);
}

void frames(const Options& options) {
  const auto begun = Clock::now();
  sim::SeededChoices choices{Rng(options.seed)};
  std::size_t made = 0, opened = 0;
  while (!over(options, begun) && made < options.links) {
    ++made;
    sim::Attacker attacker(choices);
    auto who = identity(options, attacker.alpn());
    who.parameters = attacker.parameters();
    std::vector<std::unique_ptr<Socket>> sockets;
    for (std::size_t i = 0; i < sim::Attacker::sockets; ++i) sockets.push_back(std::make_unique<Socket>(options, i));
    const auto peer = sim::RawPeer::dial(who, mono());
    const bool meddles = choices.one_in(4);
    const auto pump = [&](std::chrono::milliseconds span) {
      const auto end = Clock::now() + span;
      do {
        pollfd fd{sockets[0]->fd(), POLLIN, 0};
        for (const auto& datagram : peer->send(mono())) sockets[0]->put(datagram);
        static_cast<void>(poll(&fd, 1, 1));
        while (const auto datagram = sockets[0]->take())
          if (!datagram->empty()) peer->receive(mono(), *datagram);
      } while (Clock::now() < end && !peer->ready());
      for (const auto& datagram : peer->send(mono())) sockets[0]->put(datagram);
    };
    if (meddles) attacker.meddle(*peer);
    pump(std::chrono::milliseconds(30));
    if (peer->ready()) ++opened;
    for (std::uint64_t moves = 4 + choices.below(20); moves > 0; --moves) {
      for (const auto& shot : attacker.shoot(*peer, mono())) sockets[shot.socket]->put(shot.datagram);
      pump(std::chrono::milliseconds(choices.below(3)));
    }
  }
  std::printf("frames: %zu connections, %zu opened\n", made, opened);
}

/// A host that says nothing: it counts what comes to its ports.
class Victim {
 public:
  static constexpr std::size_t ports = 4;
  Victim() {
    for (std::size_t i = 0; i < ports; ++i) {
      const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
      sockaddr_in own{};
      own.sin_family = AF_INET;
      own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t size = sizeof own;
      if (fd < 0 || bind(fd, reinterpret_cast<const sockaddr*>(&own), size) != 0 ||
          getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) != 0)
        usage("no socket for the victim");
      fds_.push_back(fd);
      at_.push_back(SocketAddress::v4({127, 0, 0, 1}, ntohs(own.sin_port)));
    }
  }
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;
  ~Victim() {
    for (const int fd : fds_) close(fd);
  }
  void count() {
    std::array<std::uint8_t, 65536> room{};
    for (const int fd : fds_) {
      for (ssize_t size = 0; (size = recv(fd, room.data(), room.size(), 0)) >= 0;) {
        ++datagrams_;
        bytes_ += static_cast<std::uint64_t>(size);
      }
    }
  }
  [[nodiscard]] const std::vector<SocketAddress>& at() const noexcept { return at_; }
  [[nodiscard]] std::uint64_t datagrams() const noexcept { return datagrams_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  std::vector<int> fds_;
  std::vector<SocketAddress> at_;
  std::uint64_t datagrams_ = 0;
  std::uint64_t bytes_ = 0;
};

identity::EntryRef invented(const Options& options, const crypto::SecretKey& key,
                            const std::vector<SocketAddress>& at) {
  const std::int64_t wall =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  PeerEntry entry;
  entry.protocol = identity::protocol;
  entry.network = id_of<NetworkId>(options.network);
  entry.version = {wall, wall};
  entry.id = key.id();
  for (const SocketAddress& address : at) entry.addresses.emplace_back(address);
  if (options.group) entry.groups.push_back(*options.group);
  return identity::sign(entry, key);
}

/// One sync with so many invented entries; the bytes of its frame.
std::size_t plant(const Options& options, std::size_t count, const std::vector<SocketAddress>& at) {
  const sim::RawPeer::Identity own = identity(options, "/mosaik/discovery/sync/1.0");
  std::vector<identity::EntryRef> entries = {invented(options, own.key, at)};
  for (std::size_t i = 0; i < count; ++i) entries.push_back(invented(options, identity(options, {}).key, at));
  std::ranges::sort(entries, {}, [](const identity::EntryRef& entry) { return entry->id(); });
  std::vector<BytesView> views;
  for (const auto& entry : entries) views.emplace_back(entry->bytes);
  std::vector<std::uint8_t> payload;
  wire::encode_snapshot(views, payload);
  std::vector<std::uint8_t> frame;
  for (const int shift : {24, 16, 8, 0}) frame.push_back(static_cast<std::uint8_t>(payload.size() >> shift));
  frame.insert(frame.end(), payload.begin(), payload.end());

  const Socket socket(options, 0);
  const auto peer = sim::RawPeer::dial(own, mono());
  bool spoken = false;
  const auto begun = Clock::now();
  while (!peer->closed_with() && Clock::now() - begun < std::chrono::seconds(3)) {
    if (peer->ready() && !std::exchange(spoken, true)) peer->write_stream(mono(), frame);
    for (const auto& datagram : peer->send(mono())) socket.put(datagram);
    pollfd fd{socket.fd(), POLLIN, 0};
    static_cast<void>(poll(&fd, 1, 1));
    while (const auto datagram = socket.take())
      if (!datagram->empty()) peer->receive(mono(), *datagram);
  }
  return spoken ? frame.size() : 0;
}

void entries(const Options& options) {
  if (options.network.empty() || !options.group) usage("entries need --network and --group");
  Victim victim;
  const std::vector<SocketAddress>& at = options.at.empty() ? victim.at() : options.at;
  std::size_t planted = plant(options, options.links / 2, at);
  planted += plant(options, options.links - options.links / 2, at);
  const auto begun = Clock::now();
  while (!over(options, begun)) {
    victim.count();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::printf("entries: %zu bytes sent, %llu datagrams and %llu bytes came to the victim in %.0f s\n", planted,
              static_cast<unsigned long long>(victim.datagrams()), static_cast<unsigned long long>(victim.bytes()),
              options.seconds);
}

}  // namespace

int main(int count, char** words) {
  const Options options = read(count, words);
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  setrlimit(RLIMIT_NOFILE, &descriptors);
  if (options.mode == "idle")
    idle(options);
  else if (options.mode == "handshakes")
    handshakes(options);
  else if (options.mode == "bursts")
    bursts(options);
  else if (options.mode == "initials")
    initials(options);
  else if (options.mode == "frames")
    frames(options);
  else if (options.mode == "entries")
    entries(options);
  else
    usage("no mode '" + options.mode + "'");
  return 0;
}
