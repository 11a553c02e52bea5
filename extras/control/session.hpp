#pragma once
/// Session: one client of the control socket. Private to the room: it shows Boost.Asio.
///
/// It reads one request, answers, and reads the next; or becomes a stream of events or decisions until the client goes.
/// A call on a group is answered when it has ended; until then nothing else is read, and a client that goes away gives
/// it up. All functions run on the server's thread. A session lives as long as one of its operations does.

#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "control/backlog.hpp"
#include "control/executor_handle.hpp"
#include "control/http.hpp"
#include "control/server.hpp"
#include "control/trace_backlog.hpp"

namespace mosaik::control {

class Session : public std::enable_shared_from_this<Session> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;
  /// What a session tells the server.
  struct Owner {
    virtual void on_stream(Session& session) = 0;
    virtual void on_closed(Session& session) = 0;
    /// The way back for what ends on other threads.
    [[nodiscard]] virtual const std::shared_ptr<ExecutorHandle>& executor() const = 0;

   protected:
    ~Owner() = default;
  };

  Session(Socket socket, Source& source, Owner& owner);
  void start();
  void close();
  /// Closes when what is to be sent has been sent, or limits::control_flush later.
  void finish();
  /// Of a stream: takes an event up; sends it when the client has taken what was sent before.
  void offer(const Event& event);

 private:
  using Code = boost::system::error_code;
  void read();
  void on_read(const Code& error, std::size_t size);
  void take_requests();
  void ask_for_body();
  void answer(const Answer& answer, Connection connection);
  void on_answered(const Code& error, const Answer& answer, Connection connection);
  void begin_call(Call call, Connection connection);
  void on_call_ended(const Result<CallAnswer>& result);
  void on_call_overdue();
  void watch_caller();
  void begin_trace(TraceFilter filter);
  void become_stream();
  void watch_for_end();
  void send_events();
  void send_keep_alive();
  void write_stream();
  void expire_after(Nanoseconds delay);
  void wait_for_ever();

  Socket socket_;
  Source& source_;
  Owner& owner_;
  boost::asio::steady_timer deadline_;
  boost::asio::steady_timer keep_alive_;
  RequestReader requests_;
  std::array<char, 4096> input_{};
  std::string output_;
  Backlog backlog_;
  /// The call that is under way.
  struct Running {
    Call::Kind kind{};
    Connection connection{};
    std::uint64_t serial = 0;
    std::shared_ptr<void> hold = nullptr;
  };
  std::optional<Running> running_;
  std::uint64_t last_call_ = 0;
  std::shared_ptr<TraceBacklog> decisions_;  ///< of a trace
  Subscription trace_;
  bool writing_ = false;
  bool finishing_ = false;
  bool timing_request_ = false;
  bool closed_ = false;
};

}  // namespace mosaik::control
