#include "runtime/resolver.hpp"

#include <net/if.h>

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "posix/thread.hpp"
#include "posix/wakeup.hpp"
#include "runtime/clock.hpp"
#include "runtime/mailbox.hpp"

namespace mosaik::runtime {
namespace {

/// For poll(2): rounded up, so that a deadline has come when it wakes.
int milliseconds_until(Mono deadline) {
  if (deadline == never) return -1;
  const Nanoseconds left = std::clamp<Nanoseconds>(deadline - read_mono(), 0ns, std::chrono::hours(1));
  return static_cast<int>((left + 999'999ns) / 1ms);
}

/// `fe80::1%eth0` as `fe80::1%2`; other texts, and those with an interface that is not there, as they are.
std::string with_interface_number(const std::string& host) {
  const std::size_t percent = host.find('%');
  if (percent == std::string::npos) return host;
  const unsigned index = ::if_nametoindex(host.substr(percent + 1).c_str());
  return index == 0 ? host : host.substr(0, percent + 1) + std::to_string(index);
}

}  // namespace

std::optional<SocketAddress> literal_address(const std::string& named, std::uint16_t port) {
  const std::string host = with_interface_number(named);
  const bool v6 = host.find(':') != std::string::npos;
  const auto out = SocketAddress::parse((v6 ? "[" + host + "]" : host) + ":" + std::to_string(port));
  return out ? std::optional(*out) : std::nullopt;
}

// -- the thread

class Resolver::Asker {
 public:
  Asker(Dns::Options options, Dns::Answered answered) : dns_(std::move(options), std::move(answered)) {}

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(wakeup_); }

  // From the loop's thread.
  void ask(DnsQuestion question) {
    questions_.push(std::move(question));
    wakeup_.ring();
  }
  void end() {
    ended_.store(true);
    wakeup_.ring();
  }

  /// The thread's own.
  void run() {
    std::vector<pollfd> sockets;
    while (true) {
      sockets.assign(1, {wakeup_.fd(), POLLIN, 0});
      dns_.list_sockets(sockets);
      ::poll(sockets.data(), sockets.size(), milliseconds_until(dns_.next_deadline()));
      wakeup_.quiet();
      if (ended_.load()) return;
      for (DnsQuestion& question : questions_.drain()) dns_.ask(read_mono(), std::move(question));
      dns_.process(read_mono(), sockets);
    }
  }

 private:
  Wakeup wakeup_;
  std::atomic<bool> ended_ = false;
  Mailbox<DnsQuestion> questions_;
  Dns dns_;
};

// -- the loop's side

Resolver::Resolver(std::shared_ptr<Inbox> inbox, Dns::Options options)
    : inbox_(std::move(inbox)), options_(std::move(options)) {}

Resolver::~Resolver() {
  end();
}

void Resolver::resolve(std::string host, std::uint16_t port, Resolved done, Names names) {
  if (const auto literal = literal_address(host, port)) {
    done(std::vector{*literal});
    return;
  }
  if (const std::size_t percent = host.find('%'); percent != std::string::npos) {
    done(fail(Errc::not_found, "there is no interface '" + host.substr(percent + 1) + "' for '" + host + "'"));
    return;
  }
  const std::uint64_t number = ++last_number_;
  waiting_.emplace(number, std::move(done));
  if (auto started = start(); !started) {
    // Not at once: the asker need not be ready for it.
    inbox_->post([this, number, error = started.error()](RequestDispatcher* dispatcher) {
      if (dispatcher != nullptr) on_answer(number, std::unexpected(error));
    });
    return;
  }
  asker_->ask({.number = number, .host = std::move(host), .port = port, .names = names});
}

Result<> Resolver::start() {
  if (thread_.joinable()) return {};
  auto asker = std::make_unique<Asker>(options_, [this, inbox = inbox_](std::uint64_t number, Addresses addresses) {
    inbox->post([this, number, addresses = std::move(addresses)](RequestDispatcher* dispatcher) {
      // Without one the loop has ended, and with it this object.
      if (dispatcher != nullptr) on_answer(number, addresses);
    });
  });
  if (!*asker) return fail(Errc::limit, "cannot resolve names: too many open files; raise the limit (ulimit -n)");
  auto thread = start_thread("mosaik-resolve", [asker = asker.get()] { asker->run(); });
  if (!thread) return std::unexpected(thread.error());
  asker_ = std::move(asker);
  thread_ = std::move(*thread);
  return {};
}

void Resolver::on_answer(std::uint64_t number, const Addresses& addresses) {
  const auto found = waiting_.find(number);
  if (found == waiting_.end()) return;
  Resolved done = std::move(found->second);
  waiting_.erase(found);
  done(addresses);
}

void Resolver::end() {
  if (thread_.joinable()) {
    asker_->end();
    thread_.join();
  }
  asker_.reset();
  for (auto& [number, done] : std::exchange(waiting_, {})) done(fail(Errc::closed, "the network is closed"));
}

}  // namespace mosaik::runtime
