#include "runtime/resolver.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "runtime/step.hpp"
#include "runtime/thread.hpp"

namespace mosaik::runtime {
namespace {

constexpr std::size_t lookups_at_once = 4;

template <class T>
T copied(const sockaddr* address) noexcept {
  T out;
  std::memcpy(&out, address, sizeof out);
  return out;
}

std::optional<SocketAddress> address_of(const addrinfo& info, std::uint16_t port) noexcept {
  if (info.ai_family == AF_INET) {
    const auto in = copied<sockaddr_in>(info.ai_addr);
    std::array<std::uint8_t, 4> octets;
    std::memcpy(octets.data(), &in.sin_addr, octets.size());
    return SocketAddress::v4(octets, port);
  }
  if (info.ai_family == AF_INET6) {
    const auto in = copied<sockaddr_in6>(info.ai_addr);
    if (in.sin6_scope_id != 0) return std::nullopt;  // SocketAddress has no scope
    std::array<std::uint8_t, 16> octets;
    std::memcpy(octets.data(), &in.sin6_addr, octets.size());
    return SocketAddress::v6(octets, port);
  }
  return std::nullopt;
}

}  // namespace

std::optional<SocketAddress> literal_address(const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  const auto out = SocketAddress::parse((v6 ? "[" + host + "]" : host) + ":" + std::to_string(port));
  return out ? std::optional(*out) : std::nullopt;
}

Addresses look_up(const std::string& host, std::uint16_t port) {
  if (const auto literal = literal_address(host, port)) return std::vector{*literal};
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error != 0) {
    const Errc code = error == EAI_NONAME ? Errc::not_found : Errc::unreachable;
    return fail(code, "cannot resolve '" + host + "': " + ::gai_strerror(error));
  }
  std::vector<SocketAddress> out;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    const auto address = address_of(*at, port);
    if (address && std::ranges::find(out, *address) == out.end()) out.push_back(*address);
  }
  ::freeaddrinfo(list);
  if (out.empty()) return fail(Errc::not_found, "'" + host + "' has no address");
  return out;
}

void Resolver::resolve(Step& step, std::string host, std::uint16_t port, Resolved done) {
  if (const auto literal = literal_address(host, port)) {
    done(&step, std::vector{*literal});
    return;
  }
  Question question{std::move(host), port, std::move(done)};
  if (running_ < lookups_at_once)
    ask(std::move(question));
  else
    line_.push_back(std::move(question));
}

void Resolver::ask(Question question) {
  ++running_;
  // Shared, because a thread's function has to be copyable until it runs.
  auto shared = std::make_shared<Question>(std::move(question));
  auto thread = start_thread("mosaik-resolve", [this, inbox = inbox_, shared] {
    inbox->post([this, shared, addresses = look_up(shared->host, shared->port)](Step* step) mutable {
      shared->done(step, addresses);
      if (step != nullptr) on_answer();  // no step: the loop has ended, and this object with it
    });
  });
  if (thread) {
    thread->detach();
    return;
  }
  inbox_->post([this, shared, error = thread.error()](Step* step) {
    shared->done(step, std::unexpected(error));
    if (step != nullptr) on_answer();
  });
}

void Resolver::on_answer() {
  --running_;
  if (line_.empty()) return;
  Question next = std::move(line_.front());
  line_.pop_front();
  ask(std::move(next));
}

void Resolver::end() {
  for (Question& question : std::exchange(line_, {}))
    question.done(nullptr, fail(Errc::closed, "the network is closed"));
}

}  // namespace mosaik::runtime
