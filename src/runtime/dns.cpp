#include "runtime/dns.hpp"

#include <ares.h>
#include <ares_nameser.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

#include "base/sockaddr.hpp"
#include "posix/descriptor.hpp"
#include "runtime/clock.hpp"
#include "runtime/entropy.hpp"

namespace mosaik::runtime {
namespace {

constexpr Nanoseconds channel_age = 1s;
constexpr int first_timeout_ms = 1000;  // of one try; twice as long with each round over all servers
constexpr int tries = 4;                // at each server
constexpr int datagram = 1232;          // bytes of an answer that needs no TCP (the DNS flag day of 2020)
constexpr std::size_t service_targets = 32;
constexpr std::size_t most_found = 1024;  // addresses of a name, of which limits::dial_candidates are told at a time
constexpr std::size_t late_names = limits::bootstrap_peers;
constexpr Nanoseconds late_for = 120s;
constexpr std::string_view service_prefix = "_mosaik._udp.";

void start_library() {
  static std::once_flag once;
  std::call_once(once, [] { ::ares_library_init(ARES_LIB_INIT_ALL); });
}

/// RFC 1035 2.3.4: labels of 1 to 63 bytes, 253 in all; one dot at the end means that no search domain is added.
bool is_name(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty() || host.size() > 253) return false;
  while (true) {
    const std::size_t dot = std::min(host.find('.'), host.size());
    if (dot == 0 || dot > 63) return false;
    if (dot == host.size()) return true;
    host.remove_prefix(dot + 1);
  }
}

bool is_lack(int status) noexcept {
  // EBADNAME: the name is fine (is_name), and one with a dot at its end has no form under a search domain.
  return status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_EBADNAME;
}

/// The descriptors that c-ares uses: close-on-exec and above the standard streams (posix/descriptor.hpp).
int open_socket(int family, int type, int protocol) noexcept {
  const int fd = above_standard_streams(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (fd < 0 || fd > STDERR_FILENO) return fd;
  ::close(fd);
  errno = EMFILE;
  return -1;
}

std::size_t random_below(std::size_t count) {
  std::uint64_t out = 0;
  fill_random({reinterpret_cast<std::uint8_t*>(&out), sizeof out});
  return static_cast<std::size_t>(out % count);
}

std::string text_of(const ares_addr_port_node& server, int port) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* const address = server.family == AF_INET ? static_cast<const void*>(&server.addr.addr4)
                                                       : static_cast<const void*>(&server.addr.addr6);
  ::ares_inet_ntop(server.family, address, text.data(), text.size());
  const std::string ip(text.data());
  return (server.family == AF_INET ? ip : "[" + ip + "]") + ":" + std::to_string(port);
}

}  // namespace

// -- a channel: one configuration, its servers and sockets

class Dns::Channel {
 public:
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() {
    // Every question that runs here gets its end from within, and finds nobody who waits for it.
    if (channel_ != nullptr) ::ares_destroy(channel_);
  }

  /// `lookups`: "f" for /etc/hosts, "b" for name servers. Errors: limit, unreachable.
  /// `flags`: ARES_FLAG_IGNTC to take what a server cut short as it is.
  static Result<std::shared_ptr<Channel>> open(const char* lookups, const std::string& servers, int flags = 0) {
    start_library();
    std::shared_ptr<Channel> out(new Channel);
    std::string writable(lookups);
    ares_options options{};
    options.flags = ARES_FLAG_EDNS | flags;
    options.ednspsz = datagram;
    options.timeout = first_timeout_ms;
    options.tries = tries;
    options.lookups = writable.data();
    options.sock_state_cb = on_state;
    options.sock_state_cb_data = out.get();
    const int opened = ::ares_init_options(&out->channel_, &options,
                                           ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                               ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB);
    if (opened != ARES_SUCCESS) {
      out->channel_ = nullptr;
      return fail(opened == ARES_ENOMEM ? Errc::limit : Errc::unreachable,
                  std::string("the system's DNS configuration cannot be read: ") + ::ares_strerror(opened));
    }
    static constexpr ares_socket_functions functions = {.asocket = open_one,
                                                        .aclose = close_one,
                                                        .aconnect = connect_one,
                                                        .arecvfrom = receive_one,
                                                        .asendv = send_one};
    ::ares_set_socket_functions(out->channel_, &functions, out.get());
    if (!servers.empty() && ::ares_set_servers_ports_csv(out->channel_, servers.c_str()) != ARES_SUCCESS)
      return fail(Errc::invalid_argument, "'" + servers + "' names no DNS servers");
    return out;
  }

  [[nodiscard]] ares_channel get() const noexcept { return channel_; }
  [[nodiscard]] const std::map<int, short>& sockets() const noexcept { return sockets_; }
  /// A server has cut an answer short.
  [[nodiscard]] bool truncated() const noexcept { return truncated_; }

  [[nodiscard]] Mono next_deadline(Mono now) const {
    timeval left{};
    if (::ares_timeout(channel_, nullptr, &left) == nullptr) return never;
    return now + std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec + 1);
  }

  void process(std::span<const pollfd> ready) {
    for (const pollfd& socket : ready) {
      if (socket.revents == 0 || !sockets_.contains(socket.fd)) continue;
      const bool failed = (socket.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
      const bool read = failed || (socket.revents & POLLIN) != 0;
      const bool write = (socket.revents & POLLOUT) != 0;
      ::ares_process_fd(channel_, read ? socket.fd : ARES_SOCKET_BAD, write ? socket.fd : ARES_SOCKET_BAD);
    }
    ::ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // what is overdue
  }

  /// Why nothing came, in words.
  [[nodiscard]] std::string trouble(int status) const {
    // c-ares says the same of a server that cannot be reached and of one that will not answer.
    if (status == ARES_ECONNREFUSED && error_ == 0 && code_ == ns_r_refused) status = ARES_EREFUSED;
    if (status == ARES_ECONNREFUSED && error_ == 0 && code_ != ns_r_noerror) status = ARES_ESERVFAIL;
    switch (status) {
      case ARES_ETIMEOUT: return "no DNS server answers" + asked();
      case ARES_ECONNREFUSED: return "no DNS server can be reached: " + system_trouble() + asked();
      case ARES_EREFUSED: return "the DNS server refuses the question" + asked();
      case ARES_ESERVFAIL: return "the DNS server could not find out" + asked();
      case ARES_EFORMERR:
      case ARES_EBADRESP:
      case ARES_ENOTIMP: return "the DNS server sent an answer that makes no sense" + asked();
      default: return std::string(::ares_strerror(status)) + asked();
    }
  }

 private:
  Channel() = default;

  static Channel& of(void* channel) noexcept { return *static_cast<Channel*>(channel); }
  /// Notes what the system says, for people.
  template <class T>
  T noted(T result) noexcept {
    if (result < 0 && errno != EAGAIN && errno != EINPROGRESS && errno != EINTR) error_ = errno;
    return result;
  }

  static void on_state(void* channel, ares_socket_t fd, int readable, int writable) {
    const int events = (readable != 0 ? POLLIN : 0) | (writable != 0 ? POLLOUT : 0);
    if (events == 0)
      of(channel).sockets_.erase(fd);
    else
      of(channel).sockets_[fd] = static_cast<short>(events);
  }
  static ares_socket_t open_one(int family, int type, int protocol, void* channel) {
    return of(channel).noted(open_socket(family, type, protocol));
  }
  static int close_one(ares_socket_t fd, void* channel) {
    of(channel).sockets_.erase(fd);
    return ::close(fd);
  }
  static int connect_one(ares_socket_t fd, const sockaddr* address, ares_socklen_t size, void* channel) {
    return of(channel).noted(::connect(fd, address, size));
  }
  static ares_ssize_t receive_one(ares_socket_t fd, void* buffer, std::size_t size, int flags, sockaddr* from,
                                  ares_socklen_t* from_size, void* channel) {
    const ssize_t got = of(channel).noted(::recvfrom(fd, buffer, size, flags, from, from_size));
    // A datagram is one whole answer: TC and RCODE of its header (RFC 1035 4.1.1).
    if (from != nullptr && got >= 4) {
      const auto* const header = static_cast<const std::uint8_t*>(buffer);
      of(channel).truncated_ = of(channel).truncated_ || (header[2] & 0x02U) != 0;
      of(channel).code_ = header[3] & 0xfU;
    }
    return got;
  }
  static ares_ssize_t send_one(ares_socket_t fd, const iovec* parts, int count, void* channel) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts);  // sendmsg(2) only reads them
    message.msg_iovlen = static_cast<std::size_t>(count);
    return of(channel).noted(::sendmsg(fd, &message, MSG_NOSIGNAL));
  }

  [[nodiscard]] std::string system_trouble() const {
    return std::generic_category().message(error_ == 0 ? ECONNREFUSED : error_);
  }
  [[nodiscard]] std::string asked() const {
    ares_addr_port_node* servers = nullptr;
    if (::ares_get_servers_ports(channel_, &servers) != ARES_SUCCESS || servers == nullptr) return {};
    std::string out;
    for (const ares_addr_port_node* at = servers; at != nullptr; at = at->next)
      out += (out.empty() ? " (asked: " : ", ") + text_of(*at, at->udp_port == 0 ? NAMESERVER_PORT : at->udp_port);
    ::ares_free_data(servers);
    return out + ")";
  }

  ares_channel channel_ = nullptr;
  std::map<int, short> sockets_;  // what each waits for, as poll(2) says it
  int error_ = 0;                 // the last of the system's
  unsigned code_ = 0;             // RCODE of the last answer
  bool truncated_ = false;
};

// -- a question

struct Dns::Asked {
  DnsQuestion question;
  std::shared_ptr<Channel> channel;
  std::shared_ptr<Channel> without_tcp;  // when a server has cut an answer short
  Mono until;                            // at the latest
  Mono rest_until = never;
  std::size_t open = 0;  // parts that have not ended
  std::vector<SocketAddress> found;
  std::optional<int> failure;  // of a part: what is worth the most to be told
  bool answered = false;

  void note(int status) {
    const auto weight = [](int one) {
      if (one == ARES_ENODATA) return 1;
      return is_lack(one) ? 0 : 2;
    };
    if (!failure || weight(status) > weight(*failure)) failure = status;
  }
  void add(const SocketAddress& address) {
    if (found.size() < most_found && std::ranges::find(found, address) == found.end()) found.push_back(address);
  }
  /// What is told: as it was answered, but of too many another part each time, so that none is left out for ever.
  [[nodiscard]] std::vector<SocketAddress> take() {
    if (found.size() > limits::dial_candidates) {
      std::ranges::rotate(found, found.begin() + static_cast<std::ptrdiff_t>(random_below(found.size())));
      found.resize(limits::dial_candidates);
    }
    return std::exchange(found, {});
  }
};

/// One thing that c-ares was asked for: it calls back exactly once, and frees it.
struct Dns::Part {
  Dns& dns;
  std::weak_ptr<Asked> asked;
  std::uint16_t port = 0;

  static void on_addresses(void* part, int status, int, ares_addrinfo* list) {
    const std::unique_ptr<Part> own(static_cast<Part*>(part));
    if (const auto asked = own->asked.lock()) own->dns.on_addresses(asked, own->port, status, list);
    if (list != nullptr) ::ares_freeaddrinfo(list);
  }
  static void on_service(void* part, int status, int, unsigned char* reply, int size) {
    const std::unique_ptr<Part> own(static_cast<Part*>(part));
    const auto bytes = reply == nullptr || size <= 0
                           ? std::span<const std::uint8_t>{}
                           : std::span<const std::uint8_t>(reply, static_cast<std::size_t>(size));
    if (const auto asked = own->asked.lock()) own->dns.on_service(asked, status, bytes);
  }
};

Dns::Dns(Options options, Answered answered) : options_(std::move(options)), answered_(std::move(answered)) {}
Dns::~Dns() = default;

void Dns::ask(Mono now, DnsQuestion question) {
  if (!is_full()) {
    begin(now, std::move(question));
    settle(now);
    return;
  }
  if (line_.size() < limits::name_questions_waiting) {
    line_.push_back(std::move(question));
    return;
  }
  refuse(question, Errc::limit, std::to_string(limits::name_questions_waiting) + " names wait to be resolved already");
}

void Dns::refuse(const DnsQuestion& question, Errc code, const std::string& why) {
  answered_(question.number, fail(code, "cannot resolve '" + question.host + "': " + why));
}

void Dns::begin(Mono now, DnsQuestion question) {
  if (!is_name(question.host))
    return refuse(question, Errc::not_found,
                  "that is no host name (labels of 1 to 63 bytes with dots between them, 253 bytes in all)");
  auto own = channel(now);
  if (!own) return refuse(question, own.error().code, own.error().message);
  const auto asked = std::make_shared<Asked>();
  asked->question = std::move(question);
  asked->channel = std::move(*own);
  asked->until = later(now, options_.patience);
  asked_.push_back(asked);
  ask_all(asked);
}

void Dns::ask_all(const std::shared_ptr<Asked>& asked) {
  ask_addresses(asked, asked->question.host, asked->question.port);
  if (asked->question.names == Names::service) {
    ask_service(asked, asked->question.host);
    ask_service(asked, std::string(service_prefix) + asked->question.host);
  }
}

void Dns::ask_without_tcp(const std::shared_ptr<Asked>& asked) {
  auto opened = Channel::open("b", options_.servers, ARES_FLAG_IGNTC);
  if (!opened) return;
  asked->without_tcp = std::move(*opened);
  std::swap(asked->channel, asked->without_tcp);
  ask_all(asked);
  std::swap(asked->channel, asked->without_tcp);
}

Result<std::shared_ptr<Dns::Channel>> Dns::channel(Mono now) {
  if (channel_ && now < channel_until_) return channel_;
  auto opened = Channel::open("b", options_.servers);
  if (!opened) return std::unexpected(opened.error());
  channel_ = std::move(*opened);
  channel_until_ = now + channel_age;
  return channel_;
}

// -- A and AAAA

void Dns::ask_addresses(const std::shared_ptr<Asked>& asked, const std::string& host, std::uint16_t port) {
  ares_addrinfo_hints hints{};
  hints.ai_flags = ARES_AI_NOSORT;  // the order is the asker's business
  hints.ai_socktype = SOCK_DGRAM;
  const std::size_t before = asked->found.size();
  if (const auto files = Channel::open("f", {})) {
    hints.ai_family = AF_UNSPEC;
    const std::string bare = host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
    const auto failure = asked->failure;
    ++asked->open;
    ::ares_getaddrinfo((*files)->get(), bare.c_str(), nullptr, &hints, Part::on_addresses,
                       new Part{*this, asked, port});
    asked->failure = failure;  // that a file does not name it means nothing
  }
  if (asked->found.size() > before) return;
  for (const int family : {AF_INET, AF_INET6}) {
    hints.ai_family = family;
    ++asked->open;
    ::ares_getaddrinfo(asked->channel->get(), host.c_str(), nullptr, &hints, Part::on_addresses,
                       new Part{*this, asked, port});
  }
}

void Dns::on_addresses(const std::shared_ptr<Asked>& asked, std::uint16_t port, int status, const void* list) {
  --asked->open;
  if (status != ARES_SUCCESS) return asked->note(status);
  const auto* const info = static_cast<const ares_addrinfo*>(list);
  for (const ares_addrinfo_node* at = info == nullptr ? nullptr : info->nodes; at != nullptr; at = at->ai_next)
    if (const auto address = from_sockaddr(at->ai_addr)) asked->add(address->with_port(port));
}

// -- SRV

void Dns::ask_service(const std::shared_ptr<Asked>& asked, const std::string& name) {
  ++asked->open;
  ::ares_search(asked->channel->get(), name.c_str(), ns_c_in, ns_t_srv, Part::on_service, new Part{*this, asked, 0});
}

void Dns::on_service(const std::shared_ptr<Asked>& asked, int status, std::span<const std::uint8_t> reply) {
  --asked->open;
  ares_srv_reply* list = nullptr;
  if (status == ARES_SUCCESS) status = ::ares_parse_srv_reply(reply.data(), static_cast<int>(reply.size()), &list);
  if (status != ARES_SUCCESS) return asked->note(status);
  std::vector<const ares_srv_reply*> targets;
  for (const ares_srv_reply* at = list; at != nullptr; at = at->next)
    if (at->port != 0 && is_name(at->host)) targets.push_back(at);  // `.`: the service is not there (RFC 2782)
  for (std::size_t i = targets.size(); i > 1; --i) std::swap(targets[i - 1], targets[random_below(i)]);
  std::ranges::sort(targets, [](const auto* a, const auto* b) {
    return a->priority != b->priority ? a->priority < b->priority : a->weight > b->weight;
  });
  if (targets.size() > service_targets) targets.resize(service_targets);
  for (const ares_srv_reply* target : targets) {
    const std::string host(target->host);
    ask_addresses(asked, host.ends_with('.') ? host : host + ".", target->port);  // a full name: no search domains
  }
  ::ares_free_data(list);
}

// -- the ends

std::vector<std::shared_ptr<Dns::Channel>> Dns::channels() const {
  std::vector<std::shared_ptr<Channel>> out;
  for (const auto& asked : asked_) {
    if (std::ranges::find(out, asked->channel) == out.end()) out.push_back(asked->channel);
    if (asked->without_tcp) out.push_back(asked->without_tcp);
  }
  return out;
}

void Dns::list_sockets(std::vector<pollfd>& out) const {
  for (const auto& channel : channels())
    for (const auto& [fd, events] : channel->sockets()) out.push_back({fd, events, 0});
}

Mono Dns::next_deadline() const {
  if (asked_.empty()) return never;
  const Mono now = read_mono();
  Mono out = never;
  for (const auto& channel : channels()) out = std::min(out, channel->next_deadline(now));
  for (const auto& asked : asked_)
    out = std::min(
        out, asked->answered ? later(asked->until, options_.patience) : std::min(asked->until, asked->rest_until));
  return out;
}

void Dns::process(Mono now, std::span<const pollfd> ready) {
  for (const auto& channel : channels()) channel->process(ready);
  settle(now);
}

void Dns::settle(Mono now) {
  do {
    for (const auto& asked : asked_) settle(now, asked);
    std::erase_if(asked_, [&](const auto& asked) {
      return asked->answered && (asked->open == 0 || later(asked->until, options_.patience) <= now);
    });
  } while (begin_next(now));
  if (asked_.empty()) channel_.reset();  // no socket is open without a question
}

void Dns::settle(Mono now, const std::shared_ptr<Asked>& asked) {
  if (asked->answered) return keep_late(now, *asked);
  take_late(now, *asked);
  if (asked->channel->truncated() && !asked->without_tcp && asked->open > 0) ask_without_tcp(asked);
  if (!asked->found.empty() && asked->rest_until == never) asked->rest_until = later(now, options_.rest);
  if (asked->open == 0 || asked->until <= now || asked->rest_until <= now) answer(*asked);
}

bool Dns::is_full() const {
  const auto waits = [](const auto& asked) { return !asked->answered; };
  return static_cast<std::size_t>(std::ranges::count_if(asked_, waits)) >= limits::name_questions;
}

/// True when that began a question.
bool Dns::begin_next(Mono now) {
  if (line_.empty() || is_full()) return false;
  DnsQuestion next = std::move(line_.front());
  line_.pop_front();
  begin(now, std::move(next));
  return true;
}

void Dns::answer(Asked& asked) {
  asked.answered = true;
  const DnsQuestion& question = asked.question;
  if (!asked.found.empty()) {
    answered_(question.number, asked.take());
    return;
  }
  const bool overdue = asked.open > 0 && (!asked.failure || is_lack(*asked.failure));
  const int status = overdue ? ARES_ETIMEOUT : asked.failure.value_or(ARES_ENODATA);
  const std::string why = status == ARES_ENODATA ? "the name has no address"
                          : is_lack(status)      ? "no such name"
                                                 : asked.channel->trouble(status);
  refuse(question, is_lack(status) ? Errc::not_found : Errc::unreachable, why);
}

void Dns::take_late(Mono now, Asked& asked) {
  const auto late = late_.find({asked.question.host, asked.question.port, asked.question.names});
  if (late == late_.end()) return;
  if (late->second.until > now)
    for (const SocketAddress& address : late->second.addresses) asked.add(address);
  late_.erase(late);
}

void Dns::keep_late(Mono now, Asked& asked) {
  if (asked.found.empty()) return;
  std::erase_if(late_, [now](const auto& item) { return item.second.until <= now; });
  const DnsQuestion& question = asked.question;
  const Kind kind{question.host, question.port, question.names};
  if (late_.size() >= late_names && !late_.contains(kind)) return;
  Late& late = late_[kind];
  late.until = now + late_for;
  for (const SocketAddress& address : std::exchange(asked.found, {}))
    if (late.addresses.size() < limits::dial_candidates &&
        std::ranges::find(late.addresses, address) == late.addresses.end())
      late.addresses.push_back(address);
}

}  // namespace mosaik::runtime
