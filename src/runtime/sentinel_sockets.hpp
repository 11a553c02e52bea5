#pragma once
/// The TCP sockets of sentinels (detector/sentinels.hpp): listeners, strangers that have not shown a token yet, dialed
/// ones and open ones, all behind one descriptor that becomes readable when any of them has something to tell.
///
/// A sentinel carries the token once, from the dialing to the listening end, and then nothing. Whoever connects has
/// limits::sentinel_patience to show a token that is expected; there are never more than limits::sentinel_strangers of
/// them, the oldest gives way. A token is good once. Bytes on an open sentinel end it without a word to the node: no
/// member sends any.
///
/// When a connection cannot be accepted for want of descriptors or memory, its listener is left alone for a second.
///
/// Close-on-exec, and gone in forked children (transport/udp/childless_descriptor.hpp). Where no listener can be had
/// there is none.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/now.hpp"
#include "detector/sentinel.hpp"
#include "posix/wakeup.hpp"
#include "transport/udp/childless_descriptor.hpp"
#include "transport/udp/socket.hpp"

namespace mosaik::runtime {

struct SentinelNews {
  detector::SentinelId id;
  std::optional<detector::SentinelEnd> end;  ///< empty: it is open now
  friend bool operator==(const SentinelNews&, const SentinelNews&) = default;
};

class SentinelSockets {
 public:
  /// Listens on the addresses of these sockets, on ports that the kernel chooses.
  explicit SentinelSockets(const std::vector<udp::Socket>& beside);
  SentinelSockets(SentinelSockets&&) noexcept = default;

  [[nodiscard]] detector::SentinelPorts ports() const noexcept { return ports_; }
  /// Readable when receive() has something to do.
  [[nodiscard]] int fd() const noexcept { return poll_.get(); }
  /// What opened and what ended.
  [[nodiscard]] std::vector<SentinelNews> receive(const Now& now);
  void expire(const Now& now);
  [[nodiscard]] Mono next_deadline() const noexcept;
  /// What a person should know, once for each time of trouble; empty: nothing.
  [[nodiscard]] std::string take_warning() { return std::exchange(warning_, {}); }

  void expect(const detector::ExpectSentinel& sentinel);
  /// What fails at once is told with the next receive().
  void dial(const detector::DialSentinel& sentinel);
  void close(const detector::CloseSentinel& sentinel);

 private:
  enum class Stage : std::uint8_t { listener, stranger, dialing, open };
  struct Sock {
    udp::ChildlessDescriptor descriptor;
    Stage stage{};
    detector::SentinelId id;  ///< of a dialed or open one
    Bytes32 token{};          ///< to be shown, or as much as was shown
    std::size_t bytes = 0;    ///< of it
    Mono deadline = never;    ///< of a stranger; of a listener: until when it rests
  };
  using Socks = std::map<int, Sock>;

  void listen(const SocketAddress& address);
  void add(udp::ChildlessDescriptor descriptor, Stage stage, std::uint32_t events, Sock sock);
  void on_listener(const Now& now, Socks::iterator listener);
  void rest(const Now& now, Socks::iterator listener, int error);
  void watch(int fd, std::uint32_t events) noexcept;
  void on_stranger(Socks::iterator at);
  void on_dialing(Socks::iterator at);
  void on_open(Socks::iterator at);
  void end(Socks::iterator at, detector::SentinelEnd how);

  udp::ChildlessDescriptor poll_;
  detector::SentinelPorts ports_;
  Socks socks_;
  std::vector<detector::ExpectSentinel> expected_;
  std::vector<SentinelNews> news_;
  std::string warning_;
  Mono quiet_until_{};  ///< about the same trouble
  Wakeup wakeup_;       ///< rung for a dial that fails at once
};

}  // namespace mosaik::runtime
