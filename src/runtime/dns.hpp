#pragma once
/// Dns: questions to name servers, by c-ares; used on one thread, which polls its sockets and never waits in it.
///
/// A question asks for A and AAAA, each on its own, so that a server that ignores one of them does not hold up the
/// other: when the first addresses are there, the rest has `Options::rest` to come. What comes later is not lost, for
/// one patience more: it is part of the answer to the next question of that kind. A service is also asked for its SRV
/// records, under its own name and under `_mosaik._udp.`; the addresses of their targets count with the ports that
/// stand there. /etc/hosts comes before name servers. What a server cuts short is asked for over TCP, and taken as it
/// is meanwhile: there are networks that let no TCP through to port 53.
///
/// The configuration of the system (/etc/resolv.conf) is read anew for the questions of each second.

#include <poll.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include <mosaik/types/address.hpp>
#include <mosaik/types/result.hpp>

#include "base/limits.hpp"
#include "base/now.hpp"

namespace mosaik::runtime {

using Addresses = Result<std::vector<SocketAddress>>;

/// What a name stands for.
enum class Names : std::uint8_t {
  host,
  service,  ///< its SRV records lead to addresses and ports, too
};

struct DnsQuestion {
  std::uint64_t number = 0;  ///< the asker's
  std::string host;
  std::uint16_t port = 0;
  Names names = Names::host;
};

class Dns {
 public:
  struct Options {
    std::string servers = {};  ///< `IP:PORT`, separated by commas; empty: those of the system
    Nanoseconds patience = limits::name_patience;
    Nanoseconds rest = 250ms;
  };
  /// Called once for each question, by ask() or process(). Errors: not_found, unreachable, limit.
  using Answered = std::function<void(std::uint64_t number, const Addresses& addresses)>;

  Dns(Options options, Answered answered);
  Dns(const Dns&) = delete;
  Dns& operator=(const Dns&) = delete;
  /// Questions that were not answered stay so.
  ~Dns();

  /// limits::name_questions are asked at a time; limits::name_questions_waiting wait in line.
  void ask(Mono now, DnsQuestion question);
  /// Adds the sockets to be polled.
  void list_sockets(std::vector<pollfd>& out) const;
  [[nodiscard]] Mono next_deadline() const;
  /// What poll(2) said about listed sockets; others are ignored.
  void process(Mono now, std::span<const pollfd> ready);

 private:
  class Channel;
  struct Asked;
  struct Part;
  using Kind = std::tuple<std::string, std::uint16_t, Names>;
  struct Late {
    std::vector<SocketAddress> addresses;
    Mono until;
  };

  void begin(Mono now, DnsQuestion question);
  Result<std::shared_ptr<Channel>> channel(Mono now);
  /// Each once, of all that is asked.
  [[nodiscard]] std::vector<std::shared_ptr<Channel>> channels() const;
  void ask_all(const std::shared_ptr<Asked>& asked);
  void ask_addresses(const std::shared_ptr<Asked>& asked, const std::string& host, std::uint16_t port);
  void ask_service(const std::shared_ptr<Asked>& asked, const std::string& name);
  void ask_without_tcp(const std::shared_ptr<Asked>& asked);
  void on_addresses(const std::shared_ptr<Asked>& asked, std::uint16_t port, int status, const void* list);
  void on_service(const std::shared_ptr<Asked>& asked, int status, std::span<const std::uint8_t> reply);
  void settle(Mono now);
  void settle(Mono now, const std::shared_ptr<Asked>& asked);
  bool begin_next(Mono now);
  [[nodiscard]] bool is_full() const;
  void answer(Asked& asked);
  void refuse(const DnsQuestion& question, Errc code, const std::string& why);
  void keep_late(Mono now, Asked& asked);
  void take_late(Mono now, Asked& asked);

  Options options_;
  Answered answered_;
  std::shared_ptr<Channel> channel_;  // for the questions of this second
  Mono channel_until_;
  std::vector<std::shared_ptr<Asked>> asked_;
  std::deque<DnsQuestion> line_;
  std::map<Kind, Late> late_;  // addresses that came after the answer
};

}  // namespace mosaik::runtime
