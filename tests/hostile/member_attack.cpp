/// member_attack: a member of a group that keeps QUIC's rules and none of a good neighbour, against a running node.
///
///   member_attack MODE ID@IP:PORT --network NAME --group ID --secret TEXT [--seconds T] [--identities N] [--bytes N]
///
///   fetch     asks for the first 2,000 entries of the log, again and again, as fast as it goes
///   fill      2,000 commands of two bytes in a frame, so that there is a long log to be asked for
///   forward   commands of --bytes each, as fast as they are taken
///   ping      Pings without end
///   query     strong reads without end
///   votes     RequestVotes of an old term without end
///   list      --identities bond one after the other, each with a list of 1,000 peers that nobody has heard of
///
/// Commands are those of the machine `counter`. Prints one line of figures. It answers the node's Pings, so that its
/// own bond stays.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <mosaik/serialization/postcard.hpp>

#include "bonds/extension_block.hpp"
#include "consensus/dynamic/messages.hpp"
#include "crypto/group_key.hpp"
#include "crypto/hash.hpp"
#include "identity/entry.hpp"
#include "transport/quic/quic.hpp"
#include "transport/udp/socket.hpp"
#include "wire/messages.hpp"

namespace {

using namespace mosaik;
using Bytes = std::vector<std::uint8_t>;

struct Options {
  std::string mode;
  PeerId target;
  SocketAddress address;
  std::string network;
  GroupId group;
  std::string secret;
  double seconds = 5;
  std::size_t identities = 100;
  std::size_t bytes = 1U << 20U;
};

[[noreturn]] void usage(const std::string& why) {
  std::fprintf(stderr, "member_attack: %s\n", why.c_str());
  std::exit(64);
}

Options read(int count, char** words) {
  if (count < 3) usage("MODE and ID@IP:PORT are needed");
  Options out;
  out.mode = words[1];
  const std::string contact = words[2];
  const std::size_t at = contact.find('@');
  const auto target = PeerId::from_hex(contact.substr(0, at));
  const auto address = SocketAddress::parse(contact.substr(std::min(at, contact.size() - 1) + 1));
  if (!target || !address) usage("'" + contact + "' is no ID@IP:PORT");
  out.target = *target;
  out.address = *address;
  for (int i = 3; i + 1 < count; i += 2) {
    const std::string_view word = words[i];
    const std::string value = words[i + 1];
    if (word == "--network")
      out.network = value;
    else if (word == "--group")
      out.group = GroupId::from_hex(value).value();
    else if (word == "--secret")
      out.secret = value;
    else if (word == "--seconds")
      out.seconds = std::stod(value);
    else if (word == "--identities")
      out.identities = std::stoul(value);
    else if (word == "--bytes")
      out.bytes = std::stoul(value);
    else
      usage("no option " + std::string(word));
  }
  return out;
}

Now read_now() {
  const auto mono = std::chrono::steady_clock::now().time_since_epoch();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return {.mono = Mono(mono),
          .boot = Boot(mono),
          .wall = Wall{std::chrono::duration_cast<std::chrono::milliseconds>(wall).count()}};
}

Bytes32 seed_of(std::uint64_t number) {
  Bytes32 out{};
  std::memcpy(out.data(), &number, sizeof number);
  out[31] = 0x7a;
  return out;
}

NetworkId network_of(const std::string& name);

/// One identity with its endpoint and its bond.
class Member {
 public:
  Member(const Options& options, std::uint64_t number)
      : options_(options),
        self_(crypto::SecretKey::from_seed(seed_of(number)), network_of(options.network), read_now().wall),
        owned_(quic::make_endpoint(
            self_.key(),
            quic::EndpointConfig{.random_seed = seed_of(number ^ (static_cast<std::uint64_t>(::getpid()) << 32U))})),
        socket_(udp::Socket::open(SocketAddress::parse("127.0.0.1:0").value()).value()) {
    self_.set_addresses({socket_.local()}, read_now().wall);
    self_.join(options.group, read_now().wall);
    link_ = endpoint_.dial(read_now(), {options.target, {options.address}, Alpn::groups}).value();
  }

  std::vector<Bytes> list;  ///< of the HandshakeStart
  bool bonded = false;
  bool ended = false;
  std::string why;
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;

  bool say(const Bytes& payload, SendClass kind = SendClass::bulk) {
    return endpoint_.send(link_, kind, pool_.make(payload)) == SendResult::queued;
  }
  void turn(Nanoseconds wait) {
    pollfd one{socket_.fd(), POLLIN, 0};
    static_cast<void>(::poll(&one, 1, static_cast<int>(wait / 1ms)));
    const Now now = read_now();
    socket_.receive(256, [&](const udp::Received& got) { endpoint_.on_datagram(now, got.path, got.bytes); });
    socket_.receive_errors([](const udp::Unreachable&) {});
    if (endpoint_.next_deadline() <= now.mono) endpoint_.on_timer(now);
    endpoint_.advance(now);
    while (const auto event = endpoint_.next_event()) std::visit([&](const auto& what) { on(now, what); }, *event);
    DatagramBatch batch(256U << 10U);
    bool more = true;
    while (more) {
      more = endpoint_.transmit(now, batch);
      for (const DatagramBatch::Item& item : batch.items())
        while (!socket_.send(item.path, batch.bytes(item), item.segment)) {
          pollfd writable{socket_.fd(), POLLOUT, 0};
          static_cast<void>(::poll(&writable, 1, 10));
        }
      if (batch.items().empty()) break;
      batch.clear();
    }
  }

 private:
  template <class Event>
  void on(const Now&, const Event&) {}
  void on(const Now& now, const LinkOpened& opened) {
    if (opened.link != link_) return endpoint_.close(now, opened.link, CloseCode::cancelled, CloseMode::at_once);
    const auto ekm = endpoint_.exporter(opened.link, options_.group.view());
    if (!ekm) return;
    const crypto::Proof proof =
        crypto::make_proof(GroupKey::from_secret(options_.secret), crypto::ExporterKey(*ekm), self_.id());
    const std::vector<BytesView> named(list.begin(), list.end());
    Bytes frame;
    wire::encode_handshake_start(network_of(options_.network), options_.group, proof.bytes(), named,
                                 bonds::handshake_tail(self_.entry(), bonds::Capabilities{}), frame);
    endpoint_.set_frame_limit(opened.link, limits::group_frame);
    static_cast<void>(say(frame, SendClass::liveness));
  }
  void on(const Now&, const LinkFrame& frame) {
    if (frame.link != link_) return;
    ++frames;
    bytes += frame.payload.size();
    if (!std::exchange(bonded, true)) return;
    const auto message = wire::decode_bond_message(frame.payload);
    if (!message || !std::holds_alternative<wire::Ping>(*message)) return;
    Bytes pong;
    wire::encode_pong(pong);
    static_cast<void>(say(pong, SendClass::liveness));
  }
  void on(const Now&, const LinkClosed& closed) {
    if (closed.link != link_) return;
    ended = true;
    why = closed.close.reason + " (" + std::to_string(closed.close.code) + ")";
  }

  const Options& options_;
  FramePool pool_;
  identity::Self self_;
  std::unique_ptr<Transport> owned_;
  Transport& endpoint_ = *owned_;
  udp::Socket socket_;
  LinkId link_;
};

NetworkId network_of(const std::string& name) {
  return id_of<NetworkId>(name);
}

Bytes raft(const consensus::Message& message) {
  Bytes bytes;
  consensus::encode(message, bytes);
  Bytes out;
  wire::encode_raft(bytes, out);
  return out;
}

class Clock {
 public:
  explicit Clock(double seconds) : end_(std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds)) {}
  [[nodiscard]] bool over() const { return std::chrono::steady_clock::now() >= end_; }

 private:
  std::chrono::time_point<std::chrono::steady_clock, std::chrono::duration<double>> end_;
};

void flood(const Options& options) {
  Member member(options, 1000U + static_cast<std::uint64_t>(::getpid()));
  Clock patience(5);
  while (!member.bonded && !member.ended && !patience.over()) member.turn(10ms);
  if (!member.bonded) usage("no bond: " + member.why);
  Bytes ping;
  wire::encode_ping({}, ping);
  Bytes large{2};
  postcard::Writer(large).bytes(Bytes(options.bytes, 0x2a));
  const Blob command = Blob::copy(large);
  const Bytes add_one{0, 1};
  const std::vector<Blob> many(2000, Blob::copy(add_one));
  const Clock clock(options.seconds);
  std::uint64_t said = 0;
  while (!clock.over() && !member.ended) {
    for (int i = 0; i < 4096; ++i) {
      Bytes frame = ping;
      if (options.mode == "fetch") frame = raft(consensus::FetchEntriesRequest{{Index{1}, Index{2000}}});
      if (options.mode == "fill") frame = raft(consensus::ForwardCommand{many, said});
      if (options.mode == "forward") frame = raft(consensus::ForwardCommand{{command}, said});
      if (options.mode == "query") frame = raft(consensus::ForwardQuery{Blob{}, said});
      if (options.mode == "votes") frame = raft(consensus::RequestVote{Term{1}, options.target, {}});
      if (!member.say(frame)) break;
      ++said;
    }
    member.turn(0ms);
  }
  std::printf("%s: said %llu, heard %llu frames of %llu bytes%s%s\n", options.mode.c_str(),
              static_cast<unsigned long long>(said), static_cast<unsigned long long>(member.frames),
              static_cast<unsigned long long>(member.bytes), member.ended ? ", ended: " : "", member.why.c_str());
}

void lists(const Options& options) {
  const Clock clock(options.seconds);
  std::uint64_t number = static_cast<std::uint64_t>(::getpid()) << 20U;
  std::size_t bonded = 0;
  const NetworkId network = network_of(options.network);
  std::vector<std::unique_ptr<Member>> members;
  for (std::size_t i = 0; i < options.identities && !clock.over(); ++i) {
    auto member = std::make_unique<Member>(options, ++number);
    for (std::size_t n = 0; n < 1000; ++n) {
      identity::Self other(crypto::SecretKey::from_seed(seed_of(++number)), network, read_now().wall);
      member->list.emplace_back(other.entry()->bytes.begin(), other.entry()->bytes.end());
    }
    const Clock patience(2);
    while (!member->bonded && !member->ended && !patience.over()) member->turn(5ms);
    bonded += member->bonded ? 1U : 0U;
    members.push_back(std::move(member));
    for (auto& one : members) one->turn(0ms);
  }
  while (!clock.over())
    for (auto& one : members) one->turn(1ms);
  std::printf("list: %zu identities bonded\n", bonded);
}

}  // namespace

int main(int count, char** words) {
  const Options options = read(count, words);
  if (options.mode == "list")
    lists(options);
  else
    flood(options);
  return 0;
}
