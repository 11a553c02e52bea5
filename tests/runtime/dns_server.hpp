#pragma once
/// A little name server on 127.0.0.1, over UDP and TCP, whose answers a test writes.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <mosaik/types/address.hpp>

#include "base/sockaddr.hpp"
#include "posix/descriptor.hpp"
#include "posix/wakeup.hpp"

namespace mosaik::runtime::dns_test {

using Bytes = std::vector<std::uint8_t>;

enum class Type : std::uint16_t { a = 1, aaaa = 28, srv = 33 };

inline void put16(Bytes& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8U));
  out.push_back(static_cast<std::uint8_t>(value & 0xffU));
}

inline void put_name(Bytes& out, std::string_view name) {
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    out.push_back(static_cast<std::uint8_t>(dot));
    out.insert(out.end(), name.begin(), name.begin() + static_cast<std::ptrdiff_t>(dot));
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  out.push_back(0);
}

struct Query {
  std::string name;  ///< lower case, without the last dot
  Type type{};
  bool tcp = false;
};

/// What is answered to a query.
struct Reply {
  std::uint16_t code = 0;           ///< RCODE: 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED
  std::vector<Bytes> records = {};  ///< data of records of the type that was asked for
  std::chrono::milliseconds delay{0};
  bool silent = false;
  bool truncated = false;  ///< over UDP: TC, and `kept` records
  std::size_t kept = 0;
  bool garbage = false;  ///< id and question are right, what follows is noise
};

inline Bytes address_record(std::string_view text) {
  const auto address =
      SocketAddress::parse((text.contains(':') ? "[" + std::string(text) + "]" : std::string(text)) + ":1");
  const auto ip = address->octets();
  return address->is_v4() ? Bytes(ip.begin(), ip.begin() + 4) : Bytes(ip.begin(), ip.begin() + 16);
}

inline Bytes srv_record(std::uint16_t priority, std::uint16_t port, std::string_view target) {
  Bytes out;
  put16(out, priority);
  put16(out, 0);
  put16(out, port);
  put_name(out, target);
  return out;
}

class Server {
 public:
  using Answers = std::function<Reply(const Query&)>;

  enum class Tcp { open, refused };
  explicit Server(Answers answers, Tcp tcp = Tcp::open) : answers_(std::move(answers)) {
    Sockaddr any(SocketAddress::v4({127, 0, 0, 1}, 0));
    udp_ = Descriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ::bind(udp_.get(), &any.any, any.size());
    Sockaddr bound;
    socklen_t size = sizeof bound;
    ::getsockname(udp_.get(), &bound.any, &size);
    port_ = ntohs(bound.v4.sin_port);
    tcp_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::bind(tcp_.get(), &bound.any, bound.size());
    if (tcp == Tcp::open)
      ::listen(tcp_.get(), 8);
    else
      tcp_ = {};  // whoever connects is refused
    thread_ = std::jthread([this] { run(); });
  }
  ~Server() {
    ended_ = true;
    wakeup_.ring();
  }

  [[nodiscard]] std::string text() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::vector<Query> queries() const {
    const std::scoped_lock lock(mutex_);
    return queries_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Pending {
    Bytes bytes;
    sockaddr_in to;
  };

  void run() {
    while (!ended_) {
      std::array<pollfd, 3> wait{{{udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}, {wakeup_.fd(), POLLIN, 0}}};
      int timeout = -1;
      if (!pending_.empty()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(pending_.begin()->first - Clock::now());
        timeout = std::max(0, static_cast<int>(left.count()));
      }
      ::poll(wait.data(), wait.size(), timeout);
      if (wait[0].revents != 0) take_datagram();
      if ((wait[1].revents & POLLIN) != 0) take_stream();
      while (!pending_.empty() && pending_.begin()->first <= Clock::now()) {
        const Pending& next = pending_.begin()->second;
        ::sendto(udp_.get(), next.bytes.data(), next.bytes.size(), 0, reinterpret_cast<const sockaddr*>(&next.to),
                 sizeof next.to);
        pending_.erase(pending_.begin());
      }
    }
  }

  void take_datagram() {
    Bytes bytes(2048);
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got =
        ::recvfrom(udp_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 12) return;
    bytes.resize(static_cast<std::size_t>(got));
    const auto [reply, out] = answer(bytes, false);
    if (!reply.silent) pending_.emplace(Clock::now() + reply.delay, Pending{out, from});
  }

  void take_stream() {
    const Descriptor client(::accept(tcp_.get(), nullptr, nullptr));
    Bytes length(2);
    if (::recv(client.get(), length.data(), 2, MSG_WAITALL) != 2) return;
    Bytes bytes(static_cast<std::size_t>(length[0] << 8U | length[1]));
    if (::recv(client.get(), bytes.data(), bytes.size(), MSG_WAITALL) != static_cast<ssize_t>(bytes.size())) return;
    const auto [reply, out] = answer(bytes, true);
    Bytes framed;
    put16(framed, static_cast<std::uint16_t>(out.size()));
    framed.insert(framed.end(), out.begin(), out.end());
    if (!reply.silent) ::send(client.get(), framed.data(), framed.size(), MSG_NOSIGNAL);
  }

  std::pair<Reply, Bytes> answer(const Bytes& asked, bool tcp) {
    Query query;
    query.tcp = tcp;
    std::size_t at = 12;
    while (asked.at(at) != 0) {
      for (std::size_t i = 0; i < asked[at]; ++i)
        query.name.push_back(static_cast<char>(std::tolower(asked.at(at + 1 + i))));
      at += asked[at] + 1U;
      if (asked.at(at) != 0) query.name.push_back('.');
    }
    query.type = static_cast<Type>(asked.at(at + 1) << 8U | asked.at(at + 2));
    const std::size_t question_end = at + 5;
    {
      const std::scoped_lock lock(mutex_);
      queries_.push_back(query);
    }
    Reply reply = answers_(query);
    const bool cut = reply.truncated && !tcp;
    if (cut) reply.records.resize(std::min(reply.kept, reply.records.size()));
    Bytes out(asked.begin(), asked.begin() + 2);
    out.push_back(static_cast<std::uint8_t>(0x84U | (cut ? 0x02U : 0U)));
    out.push_back(static_cast<std::uint8_t>(0x80U | reply.code));
    put16(out, 1);
    put16(out, static_cast<std::uint16_t>(reply.garbage ? 9 : reply.records.size()));
    put16(out, 0);
    put16(out, 0);
    out.insert(out.end(), asked.begin() + 12, asked.begin() + static_cast<std::ptrdiff_t>(question_end));
    if (reply.garbage) out.insert(out.end(), 40, 0xff);
    if (reply.garbage) return {reply, out};
    for (const Bytes& record : reply.records) {
      put16(out, 0xc00c);  // the question's name
      put16(out, static_cast<std::uint16_t>(query.type));
      put16(out, 1);
      put16(out, 0);
      put16(out, 5);
      put16(out, static_cast<std::uint16_t>(record.size()));
      out.insert(out.end(), record.begin(), record.end());
    }
    return {reply, out};
  }

  Answers answers_;
  Descriptor udp_;
  Descriptor tcp_;
  std::uint16_t port_ = 0;
  Wakeup wakeup_;
  std::atomic<bool> ended_ = false;
  mutable std::mutex mutex_;
  std::vector<Query> queries_;
  std::multimap<Clock::time_point, Pending> pending_;
  std::jthread thread_;
};

}  // namespace mosaik::runtime::dns_test
