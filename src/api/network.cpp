#include <mosaik/network.hpp>

#include <utility>

#include "api/contact.hpp"
#include "api/network_body.hpp"

namespace mosaik {
namespace {

template <class T>
Future<Result<T>> failed(const Error& error) {
  Promise<Result<T>> promise;
  promise.set(std::unexpected(error));
  return promise.future();
}

/// Resolves the contact's host on the loop, then asks for what `ask` asks for.
template <class T, class Ask>
Future<Result<T>> ask_contact(api::NetworkBody& body, std::string_view setting, const std::string& contact, Ask ask) {
  const auto peer = api::parse_contact_of_peer(setting, contact);
  if (!peer) return failed<T>(peer.error());
  Promise<Result<T>> promise;
  body.post([peer = *peer, promise, ask](runtime::RequestDispatcher* dispatcher) {
    if (dispatcher == nullptr) return static_cast<void>(promise.set(api::network_closed()));
    dispatcher->resolve(
        peer.host, peer.port, [dispatcher, id = peer.id, promise, ask](const runtime::Addresses& found) {
          if (found)
            return ask(*dispatcher, id, *found, [promise](Result<T> result) { promise.set(std::move(result)); });
          dispatcher->run([promise, error = found.error()] { promise.set(std::unexpected(error)); });
        });
  });
  return promise.future();
}

}  // namespace

Result<Network> Network::open(const NetworkConfig& config) {
  auto body = api::NetworkBody::open(config);
  if (!body) return std::unexpected(body.error());
  return Network(std::move(*body));
}

Network::Network(std::shared_ptr<api::NetworkBody> body) : body_(std::move(body)) {}
Network::Network(Network&&) noexcept = default;

Network& Network::operator=(Network&& other) noexcept {
  if (this == &other) return *this;
  if (body_) body_->close();
  body_ = std::move(other.body_);
  return *this;
}

Network::~Network() {
  if (body_) body_->close();
}

const PeerId& Network::id() const noexcept {
  return body_->id();
}

std::vector<SocketAddress> Network::addresses() const {
  return body_->snapshot().status->advertised;
}

std::string Network::contact() const {
  const auto reachable = addresses();
  return id().hex() + "@" + (reachable.empty() ? SocketAddress{} : reachable.front()).text();
}

Groups Network::groups() const {
  return Groups(body_);
}

NodeStatus Network::status() const {
  return body_->status();
}

std::vector<PeerEntry> Network::catalog() const {
  const auto snapshot = body_->snapshot();
  std::vector<PeerEntry> out;
  out.reserve(snapshot.catalog->size());
  for (const auto& entry : *snapshot.catalog) out.push_back(entry->entry);
  return out;
}

PeerEntry Network::entry() const {
  return body_->snapshot().own->entry;
}

std::vector<std::uint8_t> Network::signed_entry() const {
  return body_->snapshot().own->bytes;
}

Future<Result<>> Network::forget(const PeerId& peer) {
  return body_->forget(peer);
}

Future<Result<>> Network::sync_with(const std::string& contact) {
  return ask_contact<void>(*body_, "contact", contact,
                           [](runtime::RequestDispatcher& dispatcher, const PeerId& peer, const auto& addresses,
                              auto done) { dispatcher.sync_with(peer, addresses, std::move(done)); });
}

Future<Result<std::chrono::nanoseconds>> Network::ping(const std::string& contact) {
  return ask_contact<std::chrono::nanoseconds>(
      *body_, "contact", contact,
      [](runtime::RequestDispatcher& dispatcher, const PeerId& peer, const auto& addresses, auto done) {
        dispatcher.ping(peer, addresses, std::move(done));
      });
}

Subscription Network::subscribe(std::function<void(const Event&)> call) const {
  return body_->subscribe(std::move(call));
}

Subscription Network::trace(TraceFilter filter, std::function<void(const TraceRecord&)> call) const {
  return body_->trace(std::move(filter), std::move(call));
}

Future<std::monostate> Network::ended() const {
  return body_->ended();
}

NetworkRef Network::ref() const {
  return NetworkRef(body_);
}

Future<Result<>> Network::leave(std::chrono::nanoseconds wait) {
  return body_->leave_within(wait, api::NetworkBody::Leaving::groups);
}

void Network::close() {
  body_->close();
}

}  // namespace mosaik
