#include "control/http.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <sstream>

#include "control/limits.hpp"

namespace mosaik::control {
namespace {

namespace http = boost::beast::http;

/// A body that grows by what has arrived: Beast's own would reserve what the head announces.
struct GrowingBody {
  using value_type = std::string;
  class reader {
   public:
    template <bool is_request, class Fields>
    reader(http::header<is_request, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>&, boost::beast::error_code& error) { error = {}; }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, boost::beast::error_code& error) {
      error = {};
      std::size_t size = 0;
      for (const boost::asio::const_buffer buffer : boost::beast::buffers_range_ref(buffers)) {
        body_.append(static_cast<const char*>(buffer.data()), buffer.size());
        size += buffer.size();
      }
      return size;
    }
    void finish(boost::beast::error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

BadRequest complaint(const boost::beast::error_code& error) {
  if (error == http::error::header_limit) return {431, "the head of the request is longer than 16 KiB"};
  if (error == http::error::body_limit) return {413, "the body of the request is longer than 2 MiB"};
  return {400, "malformed request: " + error.message()};
}

}  // namespace

class RequestReader::Impl {
 public:
  void append(std::string_view bytes) {
    if (error) return;
    if (buffer.size() + bytes.size() > limits::control_request) {
      error = BadRequest{413, "the request is longer than 64 KiB"};
      return;
    }
    buffer += bytes;
  }

  std::optional<Request> next() {
    if (error || buffer.empty()) return std::nullopt;
    boost::beast::error_code failed;
    while (!buffer.empty() && !parser->is_done() && !failed && !is_chunked()) {
      const std::size_t used = parser->put(boost::asio::buffer(buffer), failed);
      buffer.erase(0, used);
      begun = true;
      if (used == 0) break;
    }
    if (is_chunked()) {
      error = BadRequest{411, "a chunked body is not taken; send a Content-Length"};
      return std::nullopt;
    }
    if (failed && failed != http::error::need_more) {
      error = complaint(failed);
      return std::nullopt;
    }
    if (!parser->is_done()) return std::nullopt;
    auto& message = parser->get();
    Request request{std::string(message.method_string()), std::string(message.target()), message.keep_alive(),
                    std::move(message.body())};
    restart();
    return request;
  }

  /// Beast 1.81 ends the process on some malformed chunks (found by fuzzing), and nobody needs them here.
  [[nodiscard]] bool is_chunked() const { return parser->is_header_done() && parser->chunked(); }

  bool take_wish_to_continue() {
    if (error || asked_to_continue || !parser->is_header_done() || parser->is_done()) return false;
    asked_to_continue = true;
    return boost::beast::iequals(parser->get()[http::field::expect], "100-continue");
  }

  void restart() {
    asked_to_continue = false;
    parser.emplace();
    parser->eager(false);  // stop behind the head, where is_chunked() can be asked
    parser->header_limit(limits::control_header);
    parser->body_limit(limits::control_body);
    begun = false;
  }

  std::string buffer;
  bool begun = false;              ///< the parser has bytes of the current request
  bool asked_to_continue = false;  ///< its head was looked at for that
  std::optional<http::request_parser<GrowingBody>> parser;
  std::optional<BadRequest> error;
};

RequestReader::RequestReader() : impl_(std::make_unique<Impl>()) {
  impl_->restart();
}
RequestReader::~RequestReader() = default;
void RequestReader::append(std::string_view bytes) {
  impl_->append(bytes);
}
std::optional<Request> RequestReader::next() {
  return impl_->next();
}
const std::optional<BadRequest>& RequestReader::error() const noexcept {
  return impl_->error;
}
bool RequestReader::take_wish_to_continue() {
  return impl_->take_wish_to_continue();
}
bool RequestReader::in_request() const noexcept {
  return !impl_->buffer.empty() || impl_->begun;
}

std::string render(const Answer& answer, Connection connection) {
  http::response<http::string_body> message{static_cast<http::status>(answer.status), 11};
  message.set(http::field::server, "mosaik");
  message.set(http::field::cache_control, "no-store");
  message.set(http::field::content_type, answer.is_stream() ? "text/event-stream" : "application/json");
  if (!answer.allow.empty()) message.set(http::field::allow, answer.allow);
  message.keep_alive(connection == Connection::keep);
  if (!answer.is_stream()) {
    message.body() = answer.body + "\n";
    message.prepare_payload();
  }
  std::ostringstream out;
  if (answer.is_stream())
    out << message.base();
  else
    out << message;
  return std::move(out).str();
}

}  // namespace mosaik::control
