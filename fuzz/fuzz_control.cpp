// What a client of the control socket may send: requests in pieces of any size, and commands on standard input.
// The first byte chooses the size of the pieces; what was understood is answered, and every answer must be readable.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/json.hpp"
#include "control/routes.hpp"

namespace {

class EmptySource final : public mosaik::control::Source {
 public:
  std::shared_ptr<const mosaik::NodeStatus> status() override { return node_; }
  mosaik::Subscription subscribe(std::function<void(const mosaik::Event&)>) override { return {}; }
  void leave() override {}

 private:
  std::shared_ptr<const mosaik::NodeStatus> node_ = std::make_shared<mosaik::NodeStatus>();
};

void converse(std::string_view bytes, std::size_t piece) {
  EmptySource source;
  mosaik::control::RequestReader reader;
  while (!bytes.empty() && !reader.error()) {
    reader.append(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (const auto request = reader.next()) {
      const mosaik::control::Answer answer = answer_to(*request, source);
      if (!render(answer, mosaik::control::Connection::keep).starts_with("HTTP/1.1 ")) std::abort();
      if (request->target == "/v1/status" && answer.status == 200 && !mosaik::control::json::read_status(answer.body))
        std::abort();
    }
  }
}

void read_documents(std::string_view text) {
  using namespace mosaik::control::json;
  static_cast<void>(read_status(text));
  static_cast<void>(read_members(text));
  static_cast<void>(read_bonds(text));
  static_cast<void>(read_topology(text));
  static_cast<void>(read_error(text));
  const auto command = read_command(text);
  if (command && !read_line(write_reply(*command, "true"))) std::abort();
  if (const auto line = read_line(text); line && !read_command(mosaik::control::json::write_error(line->text)))
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  converse(bytes, std::size_t{data[0]} + 1);
  read_documents(bytes);
  return 0;
}
