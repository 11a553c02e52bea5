// The node of production as a program of the world.

#include "crypto/hash.hpp"
#include "node/node.hpp"
#include "sim/world/program.hpp"

namespace mosaik::sim {

namespace {

node::Config config_of(const Launch& launch) {
  node::Config out;
  out.name = launch.name;
  out.network_name = launch.network;
  out.discovery = launch.discovery;
  out.discovery.network = id_of<NetworkId>(launch.network);
  out.discovery.bootstrap = launch.bootstrap;
  out.listening = {launch.address};
  out.advertised = launch.advertised;
  out.interfaces = launch.interfaces;
  out.seed = launch.seed;
  out.secret_seed = crypto::hash({bytes_of("secret of " + std::to_string(launch.seed))});
  out.memory = launch.memory;
  out.dial_eagerly = launch.dial_eagerly;
  if (launch.sentinels) out.sentinel = {.v4 = launch.address.port(), .v6 = 0};
  if (launch.capabilities) out.capabilities = {*launch.capabilities};
  return out;
}

class NodeProgram final : public Program, MachinePort, SentinelPort, AddressPort, StatePort, TracePort {
 public:
  NodeProgram(const Launch& launch, const Now& now, std::unique_ptr<Transport> transport)
      : launch_(launch),
        node_(config_of(launch), crypto::SecretKey::from_seed(launch.key_seed), now, std::move(transport)) {
    if (launch_.on_decision) node_.set_trace(this);
    if (launch_.replication) machinery_.emplace(node_, Rng(launch.seed).fork("machine"), launch_.replication->slowest);
  }

  void start(const Now& now) override { node_.start(now); }
  void on_datagram(const Now& now, const DatagramPath& path, BytesView bytes) override {
    node_.on_datagram(now, path, bytes);
  }
  void on_unreachable(const Now& now, const SocketAddress& remote, BytesView quoted) override {
    node_.on_unreachable(now, remote, quoted);
  }
  void on_too_big(const Now& now, const SocketAddress& remote, BytesView quoted, const TooBig& what) override {
    node_.on_too_big(now, remote, quoted, what);
  }
  void turn(const Now& now) override {
    settle(now);
    if (next_deadline() > now.mono) return;
    if (machinery_) machinery_->turn(now);
    if (node_.next_deadline() <= now.mono) node_.on_timer(now);
    settle(now);
  }
  bool transmit(const Now& now, DatagramBatch& out) override { return node_.transmit(now, out); }
  [[nodiscard]] Mono next_deadline() const override {
    return machinery_ ? std::min(node_.next_deadline(), machinery_->next_deadline()) : node_.next_deadline();
  }

  void join(const Now& now) override {
    join_first(now);
    if (!launch_.second_secret || second_) return;
    const auto joined = node_.join(now, GroupKey::from_secret(*launch_.second_secret), launch_.timing);
    if (joined) second_ = *joined;
  }
  void join_first(const Now& now) {
    if (group_) return;
    const GroupKey key = GroupKey::from_secret(launch_.secret);
    if (launch_.replication) launch_.replication->machine.restored = launch_.restore();
    const auto joined = launch_.replication ? node_.join(now, key, launch_.timing, launch_.replication->machine)
                                            : node_.join(now, key, launch_.timing);
    if (joined) group_ = *joined;
  }
  void leave(const Now& now) override {
    if (group_) node_.leave(now, *group_);
    if (second_) node_.leave(now, *second_);
  }
  [[nodiscard]] JoinedGroups joined() const override { return {group_.has_value(), second_.has_value()}; }
  [[nodiscard]] CommandPort* commands() override { return machine(); }
  [[nodiscard]] MachinePort* machine() override { return machinery_ ? this : nullptr; }
  [[nodiscard]] SentinelPort* sentinels() override { return this; }
  [[nodiscard]] AddressPort* addresses() override { return this; }
  [[nodiscard]] StatePort* state() override { return this; }
  [[nodiscard]] std::vector<SentinelOrder> take_sentinel_orders() override { return std::exchange(orders_, {}); }
  void on_sentinel(const Now& now, detector::SentinelId sentinel, std::optional<detector::SentinelEnd> end) override {
    if (end)
      node_.on_sentinel_ended(now, sentinel, *end);
    else
      node_.on_sentinel_opened(now, sentinel);
  }
  [[nodiscard]] std::vector<Lookup> take_lookups() override { return std::exchange(lookups_, {}); }
  void on_resolved(const Now& now, const Lookup& lookup, const Result<std::vector<SocketAddress>>& found) override {
    node_.on_resolved(now, lookup.bootstrap, found);
  }
  void set_addresses(const Now& now, const std::vector<SocketAddress>& advertised,
                     const std::vector<SocketAddress>& interfaces) override {
    node_.set_addresses(now, advertised, interfaces);
  }
  void sync_with(const Now& now, const PeerId& peer, const SocketAddress& address) override {
    node_.sync_with(now, {++requests_}, peer, {address});
  }

  [[nodiscard]] std::vector<Event> take_events(const Now& now) override {
    if (node_.changed()) status_ = node_.snapshot(now);
    return std::exchange(events_, {});
  }
  [[nodiscard]] std::shared_ptr<const NodeStatus> status() const override { return status_; }
  [[nodiscard]] std::vector<identity::EntryRef> catalog(const Now& now) const override { return node_.catalog(now); }
  [[nodiscard]] identity::EntryRef own_entry() const override { return node_.own_entry(); }
  [[nodiscard]] std::uint64_t verifications() const override { return node_.verifications(); }
  [[nodiscard]] std::size_t connections() const override { return node_.connections(); }
  [[nodiscard]] Machinery& machinery() override { return *machinery_; }
  [[nodiscard]] std::optional<ConsensusStatus> consensus() const override {
    return group_ ? node_.consensus(*group_) : std::nullopt;
  }
  void execute(const Now& now, consensus::CallId call, const std::vector<Number>& numbers, Mono deadline) override {
    std::vector<Blob> commands;
    for (const Number number : numbers) commands.push_back(command_of(number));
    node_.call(now, group_.value_or(GroupId{}), call, consensus::Execute{std::move(commands)}, deadline);
  }
  void query(const Now& now, consensus::CallId call, Consistency consistency, Mono deadline) override {
    node_.call(now, group_.value_or(GroupId{}), call, consensus::Query{{}, consistency}, deadline);
  }
  void on_persisted(const Now& now, const LogTicket& ticket) override { machinery_->on_persisted(now, ticket); }
  void on_persist_failed(const Now& now) override {
    if (group_) node_.on_persist_failed(now, *group_, "the disk is full");
  }
  void on_decision(const Now&, const Decision& decision) override { launch_.on_decision(decision); }
  [[nodiscard]] bool take_memory_changed() override { return node_.take_memory_changed(); }
  [[nodiscard]] node::Memory memory() const override { return node_.memory(); }

 private:
  /// What the machine does in line is an input for the node, until nothing follows.
  void settle(const Now& now) {
    for (bool more = true; more;) {
      node_.settle(now);
      more = false;
      for (node::Action& output : node_.take_actions()) {
        if (const auto* left = std::get_if<node::GroupLeft>(&output)) leave_behind(left->group);
        if (auto* name = std::get_if<node::ResolveName>(&output))
          lookups_.push_back({name->bootstrap, std::move(name->host), name->port});
        note_order<detector::ExpectSentinel>(output);
        note_order<detector::DialSentinel>(output);
        note_order<detector::CloseSentinel>(output);
        if (auto* event = std::get_if<Event>(&output)) events_.push_back(std::move(*event));
        if (auto* actions = std::get_if<node::GroupActions>(&output); actions != nullptr && machinery_)
          machinery_->on_effects(now, *actions);
      }
      node_.check_invariants();
      if (!machinery_ || machinery_->next_deadline() > now.mono) continue;
      machinery_->turn(now);
      more = true;
    }
  }
  template <class Order>
  void note_order(const node::Action& output) {
    if (const auto* order = std::get_if<Order>(&output)) orders_.emplace_back(*order);
  }
  void leave_behind(const GroupId& group) {
    if (second_ == group) return second_.reset();
    group_.reset();
    if (machinery_) machinery_->forget();
  }

  Launch launch_;
  node::Node node_;
  std::optional<Machinery> machinery_;
  std::vector<Event> events_;
  std::vector<SentinelOrder> orders_;
  std::vector<Lookup> lookups_;
  std::optional<GroupId> group_;
  std::optional<GroupId> second_;
  std::shared_ptr<const NodeStatus> status_;
  std::uint64_t requests_ = 0;
};

}  // namespace

std::unique_ptr<Program> make_node(const Launch& launch, const Now& now, std::unique_ptr<Transport> transport) {
  return std::make_unique<NodeProgram>(launch, now, std::move(transport));
}

}  // namespace mosaik::sim
