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
  std::shared_ptr<void> call(mosaik::control::Call, mosaik::control::CallDone) override { return nullptr; }

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
      if (answer.kind == mosaik::control::Answer::Kind::call && answer.call.group.is_zero()) std::abort();
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
  for (const auto kind : {mosaik::control::Call::Kind::execute, mosaik::control::Call::Kind::query,
                          mosaik::control::Call::Kind::committed}) {
    if (const auto call = mosaik::control::parse_call(kind, text, "")) {
      const std::string target = target_of(*call);
      if (!mosaik::control::parse_call(kind, target.substr(target.find('?') + 1), "")) std::abort();
    }
    if (const auto answer = mosaik::control::read_answer(kind, 200, text))
      if (!mosaik::control::read_answer(kind, 200, write_answer(kind, *answer))) std::abort();
  }
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
