#include "control/server.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <chrono>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "control/http.hpp"
#include "control/json.hpp"
#include "control/limits.hpp"
#include "control/listener.hpp"
#include "control/session.hpp"
#include "posix/descriptor.hpp"
#include "posix/thread.hpp"

namespace mosaik::control {
namespace {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;
using Code = boost::system::error_code;

/// The same user as this process: what the socket's mode says, once more, for directories with other rules.
bool is_same_user(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

constexpr std::chrono::minutes warning_pause{1};

std::unexpected<Error> cannot_use(int error) {
  const bool exhausted = is_exhaustion(error);
  return fail(exhausted ? Errc::limit : Errc::io,
              "can not use the control socket: " + std::generic_category().message(error) +
                  (exhausted ? "; raise the limit of open files (ulimit -n)" : ""));
}

}  // namespace

class Server::Impl final : public Session::Owner {
 public:
  Impl(Listener listener, Source& source)
      : listener_(std::move(listener)), source_(source), acceptor_(context_), pause_(context_) {}

  Result<> start(ControlStart start) {
    Code error;
    const int descriptor = ::fcntl(listener_.descriptor(), F_DUPFD_CLOEXEC, 0);  // Asio closes its own
    if (descriptor < 0) return cannot_use(errno);
    static_cast<void>(acceptor_.assign(Protocol(), descriptor, error));
    if (!error) static_cast<void>(acceptor_.non_blocking(true, error));
    if (error) return cannot_use(error.value());
    keep_spare();
    if (start == ControlStart::at_once) accept();
    events_ = source_.subscribe([this](const Event& event) { on_event(event); });
    work_.emplace(context_.get_executor());
    auto thread = start_thread("mosaik-control", [this] { run(); });
    if (!thread) return std::unexpected(thread.error());
    thread_ = std::move(*thread);
    return {};
  }

  /// A session for which there is no memory ends, and the others go on.
  void run() {
    for (;;) {
      try {
        context_.run();
        return;
      } catch (const std::bad_alloc&) {
        continue;
      }
    }
  }

  void answer() {
    asio::post(context_, [this] { accept(); });
  }

  ~Impl() {
    events_ = Subscription();  // no event comes after this
    executor_->close();        // nor the end of a call
    asio::post(context_, [this] { end(); });
    if (thread_.joinable()) thread_.join();
  }

 private:
  void accept() {
    acceptor_.async_accept([this](const Code& error, Protocol::socket socket) {
      if (!acceptor_.is_open()) return;
      if (error) return is_exhaustion(error.value()) ? accept_with_spare(error) : accept_later();
      on_client(std::move(socket));
      accept();
    });
  }

  /// A descriptor that is given up for one client when there are no others: a person who asks what is wrong is told.
  void keep_spare() {
    if (!spare_) spare_ = Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  }

  void accept_with_spare(const Code& why) {
    warn(why);
    spare_ = Descriptor();
    Code error;
    Protocol::socket socket(context_);
    static_cast<void>(acceptor_.accept(socket, error));
    if (!error) on_client(std::move(socket));
    accept_later();
  }

  void warn(const Code& why) {
    const auto now = std::chrono::steady_clock::now();
    if (warned_ && now - *warned_ < warning_pause) return;
    warned_ = now;
    source_.warn("the control socket takes one client at a time (" + why.message() +
                 "); raise the limit of open files (ulimit -n)");
  }

  /// Without a pause this would spin.
  void accept_later() {
    pause_.expires_after(100ms);
    pause_.async_wait([this](const Code& error) {
      if (error) return;
      keep_spare();
      accept();
    });
  }

  void on_client(Protocol::socket socket) {
    if (!is_same_user(socket.native_handle())) return;
    if (sessions_.size() >= limits::control_clients) return turn_away(socket);
    const auto session = std::make_shared<Session>(std::move(socket), source_, *this);
    sessions_.emplace(session.get(), session);
    session->start();
  }

  /// Says why, if that can be said without waiting.
  static void turn_away(Protocol::socket& socket) {
    const Answer busy{.status = 503, .body = json::write_error("too many clients on the control socket; try again")};
    const std::string text = render(busy, Connection::close);
    static_cast<void>(::send(socket.native_handle(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  }

  void on_stream(Session& session) override {
    streams_.emplace(&session, session.shared_from_this());
    streaming_ = streams_.size();
  }

  [[nodiscard]] const std::shared_ptr<ExecutorHandle>& executor() const override { return executor_; }

  void on_closed(Session& session) override {
    streams_.erase(&session);
    sessions_.erase(&session);
    keep_spare();
    streaming_ = streams_.size();
  }

  /// On the source's thread: leaves the event for ours, which is woken once for many.
  void on_event(const Event& event) {
    if (streaming_ == 0) return;
    const std::scoped_lock lock(inbox_mutex_);
    inbox_.push(event);
    if (!std::exchange(inbox_posted_, true)) asio::post(context_, [this] { deliver(); });
  }

  void deliver() {
    std::vector<Event> events;
    {
      const std::scoped_lock lock(inbox_mutex_);
      inbox_posted_ = false;
      while (std::optional<Event> event = inbox_.pop()) events.push_back(std::move(*event));
    }
    const auto streams = streams_;  // a session that closes takes itself off the list
    for (const auto& [key, session] : streams)
      for (const Event& event : events) session->offer(event);
  }

  void end() {
    work_.reset();
    deliver();
    Code ignored;
    static_cast<void>(acceptor_.close(ignored));
    pause_.cancel();
    const auto sessions = sessions_;
    for (const auto& [key, session] : sessions) session->finish();
  }

  Listener listener_;
  Source& source_;
  asio::io_context context_{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  std::shared_ptr<ExecutorHandle> executor_ = std::make_shared<ExecutorHandle>(context_);
  Protocol::acceptor acceptor_;
  asio::steady_timer pause_;
  Descriptor spare_;
  std::optional<std::chrono::steady_clock::time_point> warned_;
  std::map<Session*, std::shared_ptr<Session>> sessions_;
  std::map<Session*, std::shared_ptr<Session>> streams_;
  std::atomic<std::size_t> streaming_ = 0;
  std::mutex inbox_mutex_;
  Backlog inbox_;
  bool inbox_posted_ = false;
  Subscription events_;
  std::thread thread_;
};

Result<std::unique_ptr<Server>> Server::open(const std::string& path, Source& source, ControlStart start) {
  Result<Listener> listener = Listener::open(path);
  if (!listener) return std::unexpected(listener.error());
  try {
    auto impl = std::make_unique<Impl>(std::move(*listener), source);
    if (const Result<> started = impl->start(start); !started) return std::unexpected(started.error());
    return std::unique_ptr<Server>(new Server(std::move(impl)));
  } catch (const boost::system::system_error& error) {  // Asio could not open the descriptors of its own
    return cannot_use(error.code().value());
  }
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)), process_(::getpid()) {}
Server::~Server() {
  if (::getpid() != process_) static_cast<void>(impl_.release());
}

void Server::answer() {
  impl_->answer();
}

}  // namespace mosaik::control
