#include "settings/join_command.hpp"

#include <algorithm>
#include <string_view>

namespace mosaik::command {
namespace {

bool is_plain(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("_-./:@%+,=[]").contains(c);
}

std::string contact_of(const std::vector<SocketAddress>& addresses) {
  if (addresses.empty()) return "HOST";
  const auto outward = std::ranges::find_if(addresses, [](const auto& address) { return !address.is_loopback(); });
  const SocketAddress& address = outward == addresses.end() ? addresses.front() : *outward;
  const std::string text = address.text();
  return address.port() == default_port ? text.substr(0, text.rfind(':')) : text;
}

class Words {
 public:
  void add(std::string_view flag, const std::string& value) {
    text_ += " --" + std::string(flag) + " " + shell_word(value);
  }
  void add(std::string_view flag, std::chrono::milliseconds value, std::chrono::milliseconds usual) {
    if (value != usual) add(flag, std::to_string(value.count()) + "ms");
  }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_ = "mosaik node";
};

void add_machine(Words& words, const NodeSettings& settings) {
  if (settings.machine.name == MachineChoice{}.name) return;
  words.add("machine", settings.machine.name);
  if (settings.machine.machine_id) words.add("machine-id", *settings.machine.machine_id);
  if (settings.machine.rust_type) words.add("rust-type", *settings.machine.rust_type);
  if (settings.quorum_floor > 0) words.add("quorum-floor", std::to_string(settings.quorum_floor));
}

void add_heartbeat(Words& words, const ConsensusConfig& consensus) {
  const ConsensusConfig usual;
  words.add("heartbeat", consensus.heartbeat_interval, usual.heartbeat_interval);
  words.add("heartbeat-jitter", consensus.heartbeat_jitter, usual.heartbeat_jitter);
  if (consensus.max_missed_heartbeats != usual.max_missed_heartbeats)
    words.add("max-missed", std::to_string(consensus.max_missed_heartbeats));
}

}  // namespace

std::string shell_word(std::string_view text) {
  const auto needs_none = [](char c) { return is_plain(c) && c != '[' && c != ']'; };
  if (!text.empty() && std::ranges::all_of(text, needs_none)) return std::string(text);
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string join_command(const NodeSettings& settings, const std::vector<SocketAddress>& addresses) {
  Words words;
  words.add("network", settings.network.network);
  if (!settings.group_secret_file.empty())
    words.add("group-secret-file", settings.group_secret_file);
  else if (settings.group_secret)
    words.add("group-secret-file", "FILE");
  add_machine(words, settings);
  add_heartbeat(words, settings.consensus);
  words.add("bootstrap", contact_of(addresses));
  return words.text();
}

}  // namespace mosaik::command
