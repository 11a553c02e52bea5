#pragma once
/// Names to addresses, off the loop. Each question is asked anew; nothing is kept but what came too late for an answer.
///
/// One thread, started with the first name, asks all questions (runtime/dns.hpp). It never waits for a name server in
/// any other way than by polling, so that end() ends it at once.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <mosaik/types/address.hpp>

#include "runtime/dns.hpp"
#include "runtime/inbox.hpp"

namespace mosaik::runtime {

/// Runs on the loop's thread; with Errc::closed when the loop ends first.
using Resolved = std::move_only_function<void(const Addresses&)>;

/// The address that `host` is (`192.0.2.7`, `2001:db8::7`); nothing for a name.
[[nodiscard]] std::optional<SocketAddress> literal_address(const std::string& host, std::uint16_t port);

/// The loop's own; used on its thread only.
class Resolver {
 public:
  explicit Resolver(std::shared_ptr<Inbox> inbox, Dns::Options options = {});
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  /// Calls `done` with the addresses of `host`: each once, as they were answered, limits::dial_candidates at most. An
  /// address is answered at once, a name later, with a request to the inbox, within limits::name_patience of its turn.
  /// Errors: not_found, unreachable (no name server answers), limit.
  void resolve(std::string host, std::uint16_t port, Resolved done, Names names = Names::host);
  /// The loop ends: ends the thread, and answers who waits with Errc::closed.
  void end();

 private:
  class Asker;
  Result<> start();
  void on_answer(std::uint64_t number, const Addresses& addresses);

  std::shared_ptr<Inbox> inbox_;
  Dns::Options options_;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, Resolved> waiting_;
  std::unique_ptr<Asker> asker_;  // from the first name on
  std::thread thread_;            // that runs it
};

}  // namespace mosaik::runtime
