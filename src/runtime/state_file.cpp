#include "runtime/state_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

#include <mosaik/types/bytes.hpp>

#include "runtime/own_file.hpp"

namespace mosaik::runtime {
namespace {

constexpr std::string_view header = "mosaik state 1";
constexpr FileKind kind{.what = "state file",
                        .unfit = "is no state file",
                        .unfit_help = "move it away",
                        .access_help =
                            "make room there, or name a place where this node may read and write (it is "
                            "kept beside the secret key file)"};

std::unexpected<Error> cannot(std::string_view verb, const std::string& path) {
  const int error = errno;
  const bool forbidden = error == EACCES || error == EPERM || error == EROFS;
  const bool full = error == ENOSPC || error == EDQUOT;
  return fail(forbidden ? Errc::permission
              : full    ? Errc::limit
                        : Errc::io,
              named(kind, path) + "cannot be " + std::string(verb) + ": " + std::generic_category().message(error) +
                  "; " + std::string(kind.access_help));
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::string_view take_group(std::string_view text, node::Memory& memory) {
  const auto id = GroupId::from_hex(text.substr(0, std::min<std::size_t>(text.find(' '), text.size())));
  std::uint32_t size = 0;
  const std::string_view digits = id && text.size() > 65 ? text.substr(65) : std::string_view();
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  if (!id || digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
    return "is no group and its size";
  if (memory.group_sizes.size() == limits::groups) return "is one group more than are kept";
  memory.group_sizes[*id] = size;
  return {};
}

std::string_view take_met(std::string_view text, node::Memory& memory) {
  const auto id = PeerId::from_hex(text.substr(0, text.find(' ')));
  const auto at = SocketAddress::parse(text.size() > 65 ? text.substr(65) : std::string_view());
  if (!id || !at) return "is no peer and its address";
  if (memory.met.size() == limits::peer_cache) return "is one address more than are kept";
  memory.met[*id] = *at;
  return {};
}

/// Why the line is left out; empty when it was taken.
std::string_view take_fact(std::string_view line, node::Memory& memory, Wall now) {
  if (line.starts_with("started ")) {
    const std::string_view digits = line.substr(8);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size() || value < 0) return "is no time";
    // Peers refuse entries that are dated so; kept, it would be in every entry of this key from now on.
    if (value > now.milliseconds + limits::clock_drift / 1ms) return "is later than this computer's clock";
    memory.started = value;
    return {};
  }
  if (line.starts_with("met ")) return take_met(line.substr(4), memory);
  if (line.starts_with("group ")) return take_group(line.substr(6), memory);
  if (!line.starts_with("peer ")) return "has a word that this release does not know";
  const std::string_view digits = line.substr(5);
  if (memory.entries.size() == limits::peer_cache) return "is one peer more than are kept";
  if (digits.size() % 2 != 0 || digits.size() / 2 > limits::entry_bytes) return "is no signed entry";
  std::vector<std::uint8_t> entry(digits.size() / 2);
  if (!from_hex(digits, entry)) return "is not hexadecimal";
  memory.entries.push_back(std::move(entry));
  return {};
}

}  // namespace

std::string state_text(const node::Memory& memory) {
  std::string out = std::string(header) + "\nstarted " + std::to_string(memory.started) + "\n";
  for (const auto& entry : memory.entries) out += "peer " + to_hex(entry) + "\n";
  for (const auto& [peer, at] : memory.met) out += "met " + peer.hex() + " " + at.text() + "\n";
  for (const auto& [group, size] : memory.group_sizes)
    out += "group " + group.hex() + " " + std::to_string(size) + "\n";
  return out;
}

Recalled parse_state(std::string_view text, const std::string& path, Wall now) {
  Recalled out;
  if (text.empty()) return out;
  if (take_line(text) != header) {
    out.warnings.push_back("state file '" + path +
                           "' is of another kind or release; it is not read, and will be replaced");
    return out;
  }
  std::size_t bad = 0;
  for (std::size_t number = 2; !text.empty(); ++number) {
    const std::string_view why = take_fact(take_line(text), out.memory, now);
    if (!why.empty() && ++bad == 1)  // the first is enough to look for
      out.warnings.push_back("state file '" + path + "': line " + std::to_string(number) + " " + std::string(why) +
                             "; it is left out");
  }
  return out;
}

Result<Recalled> load_state(const std::string& path, Wall now) {
  const auto file = open_own_file(kind, path);
  if (!file) {
    const auto& [code, message] = file.error();
    if (code == Errc::not_found) return Recalled{};
    if (code == Errc::refused) {  // another user may have laid it here: that costs the memory, and not the node
      Recalled out;
      out.warnings.push_back(message);
      return out;
    }
    return fail(code == Errc::invalid_argument ? Errc::io : code, message);  // nobody has named it
  }
  if (file->size > state_file_bytes)
    return fail(Errc::limit, named(kind, path) + "is no state file (it is longer than " +
                                 std::to_string(state_file_bytes) + " bytes); move it away");
  std::string text(file->size, '\0');
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t got = ::read(file->descriptor.get(), text.data() + at, text.size() - at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot("read", path);
    if (got == 0) text.resize(at);
    at += static_cast<std::size_t>(got);
  }
  return parse_state(text, path, now);
}

Result<> save_state(const std::string& path, const node::Memory& memory) {
  auto file = NewFile::create(kind, path, ".tmp");
  if (!file) return fail(file.error().code, file.error().message + "; " + std::string(kind.access_help));
  if (!file->write(state_text(memory))) return cannot("written", path);
  if (!file->replace()) return cannot("replaced", path);
  return {};
}

}  // namespace mosaik::runtime
