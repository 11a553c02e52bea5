#include "control/session.hpp"

#include <poll.h>

#include <boost/asio/write.hpp>
#include <utility>

#include "control/limits.hpp"
#include "control/routes.hpp"

namespace mosaik::control {

namespace asio = boost::asio;

Session::Session(Socket socket, Source& source, Owner& owner)
    : socket_(std::move(socket)),
      source_(source),
      owner_(owner),
      deadline_(socket_.get_executor()),
      keep_alive_(socket_.get_executor()) {}

void Session::start() {
  expire_after(limits::control_request_timeout);
  timing_request_ = true;
  read();
}

void Session::close() {
  if (std::exchange(closed_, true)) return;
  Code ignored;
  deadline_.cancel();
  keep_alive_.cancel();
  static_cast<void>(socket_.close(ignored));
  running_.reset();
  trace_ = Subscription();
  owner_.on_closed(*this);
}

void Session::finish() {
  if (closed_) return;
  if (!writing_) return close();
  expire_after(limits::control_flush);
  finishing_ = true;
}

/// One deadline at a time: setting a new one cancels the old. That of finish() stays.
void Session::expire_after(Nanoseconds delay) {
  if (finishing_) return;
  deadline_.expires_after(delay);
  deadline_.async_wait([self = shared_from_this()](const Code& error) {
    if (!error) self->close();
  });
}

void Session::wait_for_ever() {
  if (!finishing_) deadline_.cancel();
}

void Session::read() {
  socket_.async_read_some(asio::buffer(input_), [self = shared_from_this()](const Code& error, std::size_t size) {
    self->on_read(error, size);
  });
}

void Session::on_read(const Code& error, std::size_t size) {
  if (closed_) return;
  if (error) return close();
  requests_.append({input_.data(), size});
  // A request has one deadline from its first byte on: a client that sends a byte now and then does not move it.
  if (!std::exchange(timing_request_, true)) expire_after(limits::control_request_timeout);
  take_requests();
}

void Session::take_requests() {
  if (std::optional<Request> request = requests_.next()) {
    const bool keep_alive = request->keep_alive;
    Answer reply = answer_to(std::move(*request), source_);
    if (reply.kind == Answer::Kind::call)
      return begin_call(std::move(reply.call), keep_alive ? Connection::keep : Connection::close);
    if (reply.kind == Answer::Kind::stream) {  // before the head goes out: from then on the client expects every event
      writing_ = true;
      owner_.on_stream(*this);
    }
    if (reply.kind == Answer::Kind::trace) {
      writing_ = true;
      begin_trace(reply.filter);
    }
    const bool keep = keep_alive && reply.kind == Answer::Kind::plain && reply.status < 400;
    return answer(reply, keep ? Connection::keep : Connection::close);
  }
  if (requests_.error()) return answer(answer_to(*requests_.error()), Connection::close);
  if (requests_.take_wish_to_continue()) return ask_for_body();
  read();
}

/// curl waits a second before it sends a body of 1 MiB unasked.
void Session::ask_for_body() {
  static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
  writing_ = true;
  asio::async_write(socket_, asio::buffer(go_on), [self = shared_from_this()](const Code& error, std::size_t) {
    if (self->closed_) return;
    if (error) return self->close();
    self->writing_ = false;
    self->finishing_ ? self->close() : self->read();
  });
}

void Session::answer(const Answer& answer, Connection connection) {
  output_ = render(answer, connection);
  writing_ = true;
  expire_after(limits::control_write_timeout);
  asio::async_write(socket_, asio::buffer(output_),
                    [self = shared_from_this(), answer, connection](const Code& error, std::size_t) {
                      self->on_answered(error, answer, connection);
                    });
}

void Session::on_answered(const Code& error, const Answer& answer, Connection connection) {
  if (answer.kind == Answer::Kind::leave) source_.leave();
  if (closed_) return;
  if (error) return close();
  writing_ = false;
  if (answer.is_stream()) return become_stream();
  if (connection == Connection::close || finishing_) return close();
  output_ = {};
  timing_request_ = requests_.in_request();
  expire_after(timing_request_ ? limits::control_request_timeout : limits::control_idle_timeout);
  take_requests();
}

void Session::begin_call(Call call, Connection connection) {
  const std::uint64_t serial = ++last_call_;
  running_ = Running{.kind = call.kind, .connection = connection, .serial = serial};
  deadline_.expires_after(call.time + limits::control_call_margin);
  deadline_.async_wait([self = shared_from_this()](const Code& error) {
    if (!error && !self->closed_ && self->running_) self->on_call_overdue();
  });
  watch_caller();
  auto hold = source_.call(
      std::move(call), [executor = owner_.executor(), session = weak_from_this(), serial](Result<CallAnswer> result) {
        executor->post([session, serial, result = std::move(result)] {
          const auto self = session.lock();
          if (self && self->running_ && self->running_->serial == serial) self->on_call_ended(result);
        });
      });
  running_->hold = std::move(hold);  // the end of the call comes through the executor, not from within call()
}

void Session::on_call_ended(const Result<CallAnswer>& result) {
  const Running ended = std::move(*running_);
  running_.reset();
  const Answer reply =
      result ? Answer{.body = write_answer(ended.kind, *result)}
             : Answer{.status = status_of(result.error()), .body = write_failure(ended.kind, result.error())};
  answer(reply, ended.connection);
}

/// The source keeps the call's time itself; this is for one that does not.
void Session::on_call_overdue() {
  const Errc code = running_->kind == Call::Kind::execute ? Errc::unknown_outcome : Errc::timed_out;
  on_call_ended(fail(code, "the call did not end within its time"));
}

/// A caller that has hung up is not waited for. One that has only said its last word still reads: POLLHUP tells.
void Session::watch_caller() {
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const Code& error) {
    if (error || self->closed_ || !self->running_) return;
    pollfd state{self->socket_.native_handle(), POLLIN, 0};
    if (::poll(&state, 1, 0) == 1 && (state.revents & (POLLHUP | POLLERR)) != 0) self->close();
  });
}

/// What is decided while the client does not read waits in the backlog.
void Session::begin_trace(TraceFilter filter) {
  decisions_ = std::make_shared<TraceBacklog>();
  trace_ = source_.trace(std::move(filter), [executor = owner_.executor(), session = weak_from_this(),
                                             decisions = decisions_](const TraceRecord& record) {
    if (!decisions->push(record)) return;
    executor->post([session] {
      const auto self = session.lock();
      if (self && !self->closed_ && !self->writing_) self->send_events();
    });
  });
}

void Session::become_stream() {
  wait_for_ever();
  watch_for_end();
  send_keep_alive();
}

/// A client of a stream has nothing to say: what it sends is dropped, its end ends the session.
void Session::watch_for_end() {
  socket_.async_read_some(asio::buffer(input_), [self = shared_from_this()](const Code& error, std::size_t) {
    if (self->closed_) return;
    if (error) return self->close();
    self->watch_for_end();
  });
}

void Session::send_keep_alive() {
  if (!writing_) {
    output_ = ": mosaik\n\n";
    write_stream();
  }
  keep_alive_.expires_after(limits::control_keep_alive);
  keep_alive_.async_wait([self = shared_from_this()](const Code& error) {
    if (!error && !self->closed_) self->send_keep_alive();
  });
}

void Session::offer(const Event& event) {
  if (closed_) return;
  backlog_.push(event);
  if (!writing_) send_events();
}

/// Events become text only when they can be sent: what waits for a slow client is small, and the lists in it are new.
void Session::send_events() {
  if (decisions_) {
    output_.clear();
    while (output_.size() < limits::control_write) {
      const std::optional<TraceRecord> record = decisions_->pop();
      if (!record) break;
      output_ += trace_block(*record);
    }
    return output_.empty() ? void() : write_stream();
  }
  if (backlog_.empty()) return;
  const std::shared_ptr<const NodeStatus> node = source_.status();
  output_.clear();
  while (output_.size() < limits::control_write) {
    const std::optional<Event> event = backlog_.pop();
    if (!event) break;
    output_ += stream_block(*event, *node);
  }
  write_stream();
}

void Session::write_stream() {
  writing_ = true;
  expire_after(limits::control_write_timeout);
  asio::async_write(socket_, asio::buffer(output_), [self = shared_from_this()](const Code& error, std::size_t) {
    self->writing_ = false;
    if (self->closed_) return;
    if (error) return self->close();
    if (self->finishing_ && self->backlog_.empty()) return self->close();
    self->wait_for_ever();
    self->output_ = {};
    self->send_events();
  });
}

}  // namespace mosaik::control
