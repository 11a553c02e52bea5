#include "api/network_body.hpp"

#include <algorithm>
#include <future>
#include <utility>

#include "api/config.hpp"
#include "api/group_view.hpp"
#include "api/outcomes.hpp"
#include "crypto/ed25519.hpp"
#include "runtime/clock.hpp"
#include "runtime/entropy.hpp"
#include "runtime/state_file.hpp"
#include "transport/udp/interfaces.hpp"
#include "transport/udp/socket.hpp"

namespace mosaik::api {
namespace {

struct Identity {
  crypto::SecretKey key;
  std::optional<runtime::KeyFile> file;
};

Result<Identity> open_identity(const NetworkConfig& config) {
  if (!config.secret_key_file.empty()) {
    auto file = runtime::KeyFile::open(config.secret_key_file);
    if (!file) return std::unexpected(file.error());
    auto key = crypto::SecretKey::from_seed(file->seed());
    return Identity{std::move(key), std::move(*file)};
  }
  if (config.secret_key) return Identity{crypto::SecretKey::from_seed(*config.secret_key), {}};
  const auto seed = crypto::make_secret32();
  runtime::fill_random(*seed);
  return Identity{crypto::SecretKey::from_seed(*seed), {}};
}

Result<std::vector<udp::Socket>> open_sockets(const NetworkConfig& config,
                                              const std::vector<SocketAddress>& addresses) {
  // Nobody has asked for IPv6 by name when the default stands: a host without it is no error then.
  const bool by_default = config.listen == NetworkConfig{}.listen;
  std::vector<udp::Socket> out;
  for (const SocketAddress& address : addresses) {
    auto socket = udp::Socket::open(address);
    if (socket)
      out.push_back(std::move(*socket));
    else if (!(by_default && !address.is_v4() && !out.empty() && socket.error().code != Errc::limit))
      return std::unexpected(socket.error());
  }
  return out;
}

/// With the preferred port where none is given, or with any free one if another program has it.
Result<std::vector<udp::Socket>> open_sockets(const NetworkConfig& config, const Settings& settings) {
  std::vector<SocketAddress> preferred = settings.listen;
  for (SocketAddress& address : preferred)
    if (address.port() == 0) address = address.with_port(config.preferred_port);
  auto out = open_sockets(config, preferred);
  if (out || preferred == settings.listen || out.error().code != Errc::in_use) return out;
  return open_sockets(config, settings.listen);
}

/// Where a node without a key of its own remembers: nowhere, for no later run is its next.
std::string state_file_of(const NetworkConfig& config) {
  if (!config.state_file.empty() || config.secret_key_file.empty()) return config.state_file;
  return config.secret_key_file + ".state";
}

node::Config make_node_config(const NetworkConfig& config, Settings settings, const PeerId& id,
                              const std::vector<SocketAddress>& listening, const runtime::OwnAddresses& own,
                              const detector::SentinelPorts& sentinel, runtime::Recalled recalled) {
  node::Config out;
  out.sentinel = sentinel;
  out.name = config.name.empty() ? id.brief() : config.name;
  out.network_name = config.network;
  out.discovery.network = settings.network;
  out.discovery.bootstrap = std::move(settings.bootstrap);
  // One list may serve all nodes of a network, its own members too.
  std::erase_if(out.discovery.bootstrap, [&](const discovery::BootstrapPeer& peer) { return peer.id == id; });
  out.listening = listening;
  out.advertised = own.advertised;
  out.interfaces = own.leading_here;
  out.tags = std::move(settings.tags);
  runtime::fill_random({reinterpret_cast<std::uint8_t*>(&out.seed), sizeof out.seed});
  out.secret_seed = runtime::random_bytes32();
  out.memory = std::move(recalled.memory);
  out.warnings = std::move(recalled.warnings);
  if (out.discovery.bootstrap.empty() && !config.bootstrap.empty())
    out.warnings.emplace_back("the only bootstrap peer given is this node itself; give it the contact of another node");
  return out;
}

}  // namespace

Result<std::shared_ptr<NetworkBody>> NetworkBody::open(const NetworkConfig& config) {
  auto settings = parse_settings(config);
  if (!settings) return std::unexpected(settings.error());
  auto identity = open_identity(config);
  if (!identity) return std::unexpected(identity.error());
  const PeerId id = identity->key.id();
  auto sockets = open_sockets(config, *settings);
  if (!sockets) return std::unexpected(sockets.error());

  const std::string state_file = state_file_of(config);
  const Now now = runtime::read_clock();
  auto recalled = state_file.empty() ? runtime::Recalled{} : runtime::load_state(state_file, now.wall);
  if (!recalled) return std::unexpected(recalled.error());

  runtime::SentinelSockets sentinels(*sockets);
  std::vector<SocketAddress> listening;
  for (const udp::Socket& socket : *sockets) listening.push_back(socket.local());
  const bool follow = settings->advertise.empty() && std::ranges::any_of(listening, &SocketAddress::is_unspecified);
  std::function<runtime::OwnAddresses()> addresses = [listening, advertise = std::move(settings->advertise)] {
    return own_addresses(listening, advertise, udp::interface_addresses());
  };
  const auto node_config = make_node_config(config, std::move(*settings), id, listening, addresses(), sentinels.ports(),
                                            std::move(*recalled));
  if (!follow) addresses = nullptr;  // they stay as they are
  auto node = std::make_unique<node::Node>(node_config, std::move(identity->key), now);
  auto saved = runtime::Saved::yes;
  if (!state_file.empty()) {
    // Before anybody hears of this run: the next one must be newer even if the clock goes back. It seldom does, and a
    // full disk must not keep a member out.
    const auto written = runtime::save_state(state_file, node->memory());
    if (!written && written.error().code != Errc::limit) return std::unexpected(written.error());
    if (!written) {
      saved = runtime::Saved::no;
      node->warn(now, written.error().message +
                          "; the node runs, and writes it as soon as there is room: if the clock goes back before a "
                          "restart, others take the new run for an old one");
    }
  }
  auto publisher = runtime::Publisher::open(runtime::take_snapshot(*node, now));
  if (!publisher) return std::unexpected(publisher.error());
  auto loop = runtime::LoopThread::open(std::move(node), std::move(*sockets), std::move(sentinels), **publisher,
                                        {.state_file = state_file, .saved = saved, .addresses = std::move(addresses)});
  if (!loop) return std::unexpected(loop.error());
  std::shared_ptr<NetworkBody> out(
      new NetworkBody(id, std::move(identity->file), std::move(*publisher), std::move(*loop)));
  out->crashes_ = config.crashes;
  return out;
}

NetworkBody::NetworkBody(const PeerId& id, std::optional<runtime::KeyFile> key_file,
                         std::unique_ptr<runtime::Publisher> publisher, std::unique_ptr<runtime::LoopThread> loop)
    : id_(id), key_file_(std::move(key_file)), publisher_(std::move(publisher)), loop_(std::move(loop)) {}

NetworkBody::~NetworkBody() {
  close();
}

runtime::Snapshot NetworkBody::snapshot() {
  auto reading = publisher_->latest();
  if (reading.first)
    loop_->post([](runtime::RequestDispatcher* dispatcher) {
      if (dispatcher != nullptr) dispatcher->refresh();
    });
  return std::move(reading.snapshot);
}

NodeStatus NetworkBody::status() {
  const runtime::Snapshot read = snapshot();
  NodeStatus out = *read.status;
  // Where nothing changes nothing is published, and time passes all the same.
  out.uptime = std::chrono::steady_clock::now() - opened_;
  out.crashes = crashes_;
  for (GroupStatus& group : out.groups) complete(group, read);
  return out;
}

NodeStatus NetworkBody::fresh_status(Nanoseconds patience) {
  const auto looked = std::make_shared<std::promise<void>>();
  loop_->post([looked](runtime::RequestDispatcher* dispatcher) {
    if (dispatcher == nullptr) return looked->set_value();
    dispatcher->look([looked] { looked->set_value(); });
  });
  static_cast<void>(looked->get_future().wait_for(patience));  // late: what is known
  return status();
}

void NetworkBody::call(const GroupId& group, consensus::Call call, Nanoseconds time, runtime::Completion done) {
  loop_->post(
      [group, call = std::move(call), time, done = std::move(done)](runtime::RequestDispatcher* dispatcher) mutable {
        if (dispatcher != nullptr) return dispatcher->call(group, std::move(call), time, std::move(done));
        if (runtime::Task rest = done.run(consensus::NotApplied{consensus::Refusal::closed})) rest();
      });
}

Subscription NetworkBody::subscribe(std::function<void(const Event&)> call) {
  return Subscription(publisher_->subscribe(std::move(call)));
}

Subscription NetworkBody::trace(TraceFilter filter, std::function<void(const TraceRecord&)> call) {
  auto reader = std::make_shared<runtime::TraceReader>(std::move(filter), std::move(call));
  loop_->post([reader](runtime::RequestDispatcher* dispatcher) {
    if (dispatcher != nullptr) dispatcher->tracing().add(reader);
  });
  const std::weak_ptr<NetworkBody> body = weak_from_this();
  runtime::TraceReader* const raw = reader.get();
  return Subscription(std::shared_ptr<void>(raw, [reader = std::move(reader), body](void*) {
    reader->end();
    if (const auto self = body.lock())
      self->post([](runtime::RequestDispatcher* dispatcher) {
        if (dispatcher != nullptr) dispatcher->tracing().prune();
      });
  }));
}

Future<Result<>> NetworkBody::forget(const PeerId& peer) {
  Promise<Result<>> promise;
  loop_->post([promise, peer](runtime::RequestDispatcher* dispatcher) {
    if (dispatcher == nullptr)
      promise.set(fail(Errc::closed, "the network is closed"));
    else
      dispatcher->forget(peer, [promise](Result<> result) { promise.set(std::move(result)); });
  });
  return promise.future();
}

Future<Result<>> NetworkBody::leave_within(Nanoseconds wait, Leaving leaving) {
  Promise<Result<>> promise;
  loop_->post([promise, wait, leaving, ended = ended_](runtime::RequestDispatcher* dispatcher) {
    if (dispatcher == nullptr) {
      promise.set({});
      return;
    }
    dispatcher->leave_all_when_covered(wait, [promise, leaving, ended] {
      promise.set({});
      if (leaving == Leaving::for_good) ended.set({});
    });
  });
  return promise.future();
}

void NetworkBody::notify(const std::string& text) {
  loop_->post([text](runtime::RequestDispatcher* dispatcher) {
    if (dispatcher != nullptr) dispatcher->warn(text);
  });
}

Future<std::monostate> NetworkBody::ended() const {
  if (!mark_.forked()) return ended_.future();
  Promise<std::monostate> over;
  over.set({});
  return over.future();
}

void NetworkBody::close() {
  if (mark_.forked()) return;
  const std::scoped_lock lock(closing_);
  loop_->stop();
  publisher_->stop(delivery_limit);
  key_file_.reset();
  ended_.set({});
}

const GroupStatus* GroupBody::in(const NodeStatus& status) const noexcept {
  if (left_.load()) return nullptr;
  const auto at = std::ranges::find(status.groups, id_, &GroupStatus::id);
  return at == status.groups.end() ? nullptr : &*at;
}

Future<Result<>> GroupBody::leave() {
  if (!left_.exchange(true)) {
    network_->post([id = id_, done = done_](runtime::RequestDispatcher* dispatcher) {
      if (dispatcher == nullptr)
        done.set({});
      else
        dispatcher->leave(id, [done] { done.set({}); });
    });
    network_->publisher().reconsider();  // whoever waits for something about this group hears that it is left
  }
  return done_.future();
}

}  // namespace mosaik::api
