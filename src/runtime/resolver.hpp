#pragma once
/// Names to addresses, off the loop. Each question is asked anew; nothing is kept.
///
/// getaddrinfo cannot be cancelled and may take many seconds, while a node ends within one: so each question has a
/// thread of its own that nobody waits for, and that owns all it needs. At most four at a time; the rest wait in line.

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <mosaik/address.hpp>

#include "runtime/inbox.hpp"

namespace mosaik::runtime {

using Addresses = Result<std::vector<SocketAddress>>;

/// Runs on the loop's thread, or with no step when the loop has ended.
using Resolved = std::move_only_function<void(Step*, const Addresses&)>;

/// The addresses of `host`, which may be one already (`192.0.2.7`, `2001:db8::1`); each once, in the system's order.
/// Waits for name servers. Errors: not_found, unreachable.
[[nodiscard]] Addresses look_up(const std::string& host, std::uint16_t port);
/// The same for a text that is an address; nothing otherwise.
[[nodiscard]] std::optional<SocketAddress> literal_address(const std::string& host, std::uint16_t port);

/// The loop's own; used on its thread only.
class Resolver {
 public:
  explicit Resolver(std::shared_ptr<Inbox> inbox) : inbox_(std::move(inbox)) {}
  /// An address is answered at once, a name later, with a request to the inbox.
  void resolve(Step& step, std::string host, std::uint16_t port, Resolved done);
  /// Answers those that wait in line: the loop ends.
  void end();

 private:
  struct Question {
    std::string host;
    std::uint16_t port = 0;
    Resolved done;
  };
  void ask(Question question);
  void on_answer();

  std::shared_ptr<Inbox> inbox_;
  std::size_t running_ = 0;
  std::deque<Question> line_;
};

}  // namespace mosaik::runtime
