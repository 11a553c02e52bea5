#include "settings/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace mosaik::command {
namespace {

using Kind = Setting::Kind;

constexpr std::array settings = {
    Setting{"network", Kind::text, "NAME", "name of the network; nodes of other networks are never talked to (mosaik)"},
    Setting{"group-secret-file", Kind::file, "FILE",
            "file with the secret of the group, readable by you alone; MOSAIK_GROUP_SECRET may hold the secret itself; "
            "without either the node is in no group"},
    Setting{"secret-key-file", Kind::file, "FILE",
            "file with this node's secret key, made when it is missing; FILE.state beside it keeps whom the node was "
            "bonded "
            "with; without it the identity is a fresh one"},
    Setting{
        "listen", Kind::list, "IP:PORT",
        "address to listen on, at most one of each family (all addresses, port 7820 if it is free, else any free one)"},
    Setting{"advertise", Kind::list, "IP:PORT",
            "address that others shall dial, e.g. behind NAT (the listen addresses)"},
    Setting{
        "bootstrap", Kind::list, "CONTACT",
        "where to find another node: HOST, HOST:PORT, PEERID@HOST:PORT, or dns:NAME for all addresses and SRV records "
        "of a name; port 7820 if none is given; may be given several times"},
    Setting{"tag", Kind::list, "TEXT", "a label that others can see; may be given several times"},
    Setting{"name", Kind::text, "LABEL",
            "what to call this node; names the control socket too (the id's first 10 digits)"},
    Setting{"control", Kind::file, "PATH", "path of the control socket (NAME.sock in $XDG_RUNTIME_DIR/mosaik)"},
    Setting{"json", Kind::flag, "", "print events as JSON, one a line"},
    Setting{"commands", Kind::flag, "", "read JSON commands from standard input, one a line; needs --json"},
    Setting{"supervise", Kind::flag, "",
            "run the node in a child process, and start it again if it crashes; needs --secret-key-file"},
    Setting{"core-dumps", Kind::flag, "",
            "let a crash leave a core dump, without the secret key and the group's secret; without it none is made"},
    Setting{"heartbeat", Kind::text, "TIME", "how often a bond is checked; all members must agree (500ms)"},
    Setting{"heartbeat-jitter", Kind::text, "TIME", "random part of it; all members must agree (150ms)"},
    Setting{"max-missed", Kind::text, "COUNT",
            "checks without an answer until a bond is given up; all members must agree (10)"},
    Setting{"election-timeout", Kind::text, "TIME", "silence of a leader until a new one is elected (2s)"},
    Setting{"election-jitter", Kind::text, "TIME", "random part of it (500ms)"},
    Setting{"bootstrap-delay", Kind::text, "TIME", "how long a new node looks for a group before it elects alone (3s)"},
    Setting{"machine", Kind::text, "NAME",
            "replicated state machine of the group: noop (none), counter or kv; all members must agree (noop)"},
    Setting{"machine-id", Kind::text, "TEXT",
            "text that tells this machine from others; all members must agree (the machine's own)"},
    Setting{"rust-type", Kind::text, "TEXT",
            "type name of the machine in Rust members, which is part of the group (the machine's own)"},
    Setting{"quorum-floor", Kind::text, "COUNT",
            "members that every election and commit must have: more than half of all that are meant to be; the same at "
            "all members (0: none)"},
    Setting{
        "log-limit", Kind::text, "SIZE",
        "memory that the log of the machine's commands may take; then commands are refused (a quarter of the memory, "
        "8GiB at most)"},
    Setting{
        "leave-wait", Kind::text, "TIME",
        "how long leaving (SIGTERM, SIGINT, 'mosaik leave') waits until another member has all that is committed; a "
        "second signal ends at once (5s; 0s: not at all)"},
    Setting{"log-level", Kind::text, "LEVEL", "trace, debug, info, warn, error or off (info)"},
    Setting{"log-format", Kind::text, "FORMAT", "text or json; the log goes to standard error (text)"},
};

std::string environment_name(std::string_view name) {
  std::string out = "MOSAIK_";
  for (const char c : name)
    out.push_back(c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  return out;
}

const char* environment(const std::string& name) {
  return std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): read before any thread starts
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (!item.empty()) out.emplace_back(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return out;
}

/// The texts of one setting, with the words that tell a person where they came from.
struct Found {
  std::vector<std::string> texts;
  std::string origin;
};

class Sources {
 public:
  Sources(const SettingTexts& command_line, const SettingTexts& file, std::string file_name)
      : command_line_(command_line), file_(file), file_name_(std::move(file_name)) {}

  [[nodiscard]] std::optional<Found> find(const Setting& setting) const {
    const std::string name(setting.name);
    if (const auto found = command_line_.find(name); found != command_line_.end())
      return Found{found->second, "--" + name};
    const std::string variable = environment_name(setting.name);
    if (const char* const value = environment(variable); value != nullptr && *value != '\0') {
      if (setting.kind == Kind::list) return Found{split_list(value), variable};
      return Found{{value}, variable};
    }
    if (const auto found = file_.find(name); found != file_.end())
      return Found{found->second, "'" + name + "' in '" + file_name_ + "'"};
    return std::nullopt;
  }

 private:
  const SettingTexts& command_line_;
  const SettingTexts& file_;
  std::string file_name_;
};

std::unexpected<Error> wrong(const Found& found, std::string_view what) {
  return fail(Errc::invalid_argument,
              fmt::format("{}: '{}' {}", found.origin, found.texts.empty() ? "" : found.texts.front(), what));
}

Result<std::uint32_t> to_count(const Found& found) {
  const std::string& text = found.texts.front();
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return wrong(found, "is no whole number");
  return value;
}

Result<std::uint64_t> to_size(const Found& found) {
  const std::string& text = found.texts.front();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::uint64_t factor = unit.empty()    ? 1
                               : unit == "KiB" ? 1U << 10U
                               : unit == "MiB" ? 1U << 20U
                               : unit == "GiB" ? 1U << 30U
                                               : 0;
  if (error != std::errc{} || factor == 0) return wrong(found, "is no size; write 500MiB, 2GiB or a number of bytes");
  if (value > (std::uint64_t{1} << 50U) / factor) return wrong(found, "is more than any machine has");
  return value * factor;
}

Result<std::chrono::milliseconds> to_time(const Found& found) {
  const std::string& text = found.texts.front();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::int64_t factor = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "min" || unit == "m" ? 60'000 : 0;
  if (error != std::errc{} || value < 0 || factor == 0) return wrong(found, "is no time; write 500ms, 2s or 1min");
  if (value > 86'400'000 / factor) return wrong(found, "is longer than a day");
  return std::chrono::milliseconds(value * factor);
}

Result<bool> to_flag(const Found& found) {
  const std::string& text = found.texts.front();
  if (text == "1" || text == "true" || text == "yes") return true;
  if (text == "0" || text == "false" || text == "no") return false;
  return wrong(found, "is neither true nor false");
}

Result<std::string> one_of(const Found& found, std::initializer_list<std::string_view> words) {
  if (std::ranges::find(words, found.texts.front()) != words.end()) return found.texts.front();
  return wrong(found, fmt::format("is none of {}", fmt::join(words, ", ")));
}

/// A label that can be part of a file name.
Result<std::string> to_name(const Found& found) {
  const std::string& text = found.texts.front();
  const bool fits = !text.empty() && text.size() <= 64 && text.front() != '.' && std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
  });
  if (!fits) return wrong(found, "is no name; use 1 to 64 letters, digits, '-', '_' or '.', not '.' first");
  return text;
}

template <class T>
Result<> store(T& target, Result<T> value) {
  if (!value) return std::unexpected(value.error());
  target = std::move(*value);
  return {};
}

using Take = Result<> (*)(NodeSettings&, const Found&);

template <auto member>
Result<> take_time(NodeSettings& out, const Found& found) {
  return store(out.consensus.*member, to_time(found));
}
template <auto member>
Result<> take_list(NodeSettings& out, const Found& found) {
  out.network.*member = found.texts;
  return {};
}

template <auto member>
Result<> take_machine_text(NodeSettings& out, const Found& found) {
  if (found.texts.front().empty()) return wrong(found, "is empty");
  out.machine.*member = found.texts.front();
  return {};
}

struct Taker {
  std::string_view name;
  Take take;
};

constexpr std::array takers = {
    Taker{"network",
          [](NodeSettings& out, const Found& found) -> Result<> {
            if (found.texts.front().empty()) return wrong(found, "is empty");
            out.network.network = found.texts.front();
            return {};
          }},
    Taker{"secret-key-file",
          [](NodeSettings& out, const Found& found) -> Result<> {
            if (found.texts.front().empty()) return wrong(found, "is empty");
            out.network.secret_key_file = found.texts.front();
            return {};
          }},
    Taker{"listen",
          [](NodeSettings& out, const Found& found) -> Result<> {
            out.network.preferred_port = 0;  // what is given is meant
            return take_list<&NetworkConfig::listen>(out, found);
          }},
    Taker{"advertise", take_list<&NetworkConfig::advertise>},
    Taker{"bootstrap", take_list<&NetworkConfig::bootstrap>},
    Taker{"tag", take_list<&NetworkConfig::tags>},
    Taker{"name", [](NodeSettings& out, const Found& found) { return store(out.network.name, to_name(found)); }},
    Taker{"control",
          [](NodeSettings& out, const Found& found) -> Result<> {
            if (found.texts.front().empty()) return wrong(found, "is empty");
            out.control = found.texts.front();
            return {};
          }},
    Taker{"json", [](NodeSettings& out, const Found& found) { return store(out.json, to_flag(found)); }},
    Taker{"commands", [](NodeSettings& out, const Found& found) { return store(out.commands, to_flag(found)); }},
    Taker{"supervise", [](NodeSettings& out, const Found& found) { return store(out.supervise, to_flag(found)); }},
    Taker{"core-dumps", [](NodeSettings& out, const Found& found) { return store(out.core_dumps, to_flag(found)); }},
    Taker{"heartbeat", take_time<&ConsensusConfig::heartbeat_interval>},
    Taker{"heartbeat-jitter", take_time<&ConsensusConfig::heartbeat_jitter>},
    Taker{"max-missed", [](NodeSettings& out,
                           const Found& found) { return store(out.consensus.max_missed_heartbeats, to_count(found)); }},
    Taker{"election-timeout", take_time<&ConsensusConfig::election_timeout>},
    Taker{"election-jitter", take_time<&ConsensusConfig::election_timeout_jitter>},
    Taker{"bootstrap-delay", take_time<&ConsensusConfig::bootstrap_delay>},
    Taker{"machine",
          [](NodeSettings& out, const Found& found) {
            return store(out.machine.name, one_of(found, {"noop", Counter::name, kv::Store::name}));
          }},
    Taker{"machine-id", take_machine_text<&MachineChoice::machine_id>},
    Taker{"rust-type", take_machine_text<&MachineChoice::rust_type>},
    Taker{"quorum-floor",
          [](NodeSettings& out, const Found& found) { return store(out.quorum_floor, to_count(found)); }},
    Taker{"log-limit",
          [](NodeSettings& out, const Found& found) -> Result<> {
            const Result<std::uint64_t> size = to_size(found);
            if (!size) return std::unexpected(size.error());
            out.log_bytes = *size;
            return {};
          }},
    Taker{"leave-wait",
          [](NodeSettings& out, const Found& found) -> Result<> {
            const Result<std::chrono::milliseconds> time = to_time(found);
            if (!time) return std::unexpected(time.error());
            out.leave_wait = *time;
            return {};
          }},
    Taker{"log-level",
          [](NodeSettings& out, const Found& found) {
            return store(out.log_level, one_of(found, {"trace", "debug", "info", "warn", "error", "off"}));
          }},
    Taker{"log-format",
          [](NodeSettings& out, const Found& found) { return store(out.log_format, one_of(found, {"text", "json"})); }},
};

/// `--group-secret-file`, else MOSAIK_GROUP_SECRET_FILE, else MOSAIK_GROUP_SECRET, else the file of --config.
Result<> take_group_secret(NodeSettings& out, const Sources& sources) {
  const auto setting = std::ranges::find(settings, "group-secret-file", &Setting::name);
  const std::optional<Found> found = sources.find(*setting);
  const bool from_file = found && found->origin.starts_with('\'');
  // An empty name is a variable that was not set, and not the wish for a node without a group.
  if (found && found->texts.front().empty()) return wrong(*found, "is empty; name the file with the group's secret");
  if (found && !from_file) {
    out.group_secret_file = found->texts.front();
    return {};
  }
  const std::string variable = "MOSAIK_GROUP_SECRET";
  if (char* const secret = std::getenv(variable.c_str())) {  // NOLINT(concurrency-mt-unsafe)
    auto& given = out.group_secret.emplace();
    if (*secret != '\0') given.key = GroupKey::from_secret(secret);
    // No child of ours shall inherit it, and no core dump or /proc/PID/environ show it.
    ::explicit_bzero(secret, std::strlen(secret));
    ::unsetenv(variable.c_str());  // NOLINT(concurrency-mt-unsafe): done before any thread starts
    return {};
  }
  if (found) out.group_secret_file = found->texts.front();
  return {};
}

}  // namespace

std::span<const Setting> node_settings() {
  return settings;
}

Result<std::string> parse_name(const std::string& origin, const std::string& text) {
  return to_name({{text}, origin});
}

Result<std::chrono::milliseconds> parse_time(const std::string& origin, const std::string& text) {
  return to_time({{text}, origin});
}

Result<NodeSettings> resolve_settings(const NodeOptions& options) {
  SettingTexts file;
  if (!options.config.empty()) {
    Result<SettingTexts> read = read_config_file(options.config);
    if (!read) return std::unexpected(read.error());
    file = std::move(*read);
  }
  const Sources sources(options.given, file, options.config);
  NodeSettings out;
  out.network.preferred_port = default_port;
  for (const Taker& taker : takers) {
    const std::optional<Found> found = sources.find(*std::ranges::find(settings, taker.name, &Setting::name));
    if (!found) continue;
    if (const Result<> taken = taker.take(out, *found); !taken) return std::unexpected(taken.error());
  }
  if (const Result<> taken = take_group_secret(out, sources); !taken) return std::unexpected(taken.error());
  if (const Result<> sound = check_consensus(out.consensus, out.quorum_floor); !sound)
    return std::unexpected(sound.error());
  if (out.commands && !out.json)
    return fail(Errc::invalid_argument, "--commands needs --json: the replies are JSON; add --json");
  if (out.supervise && out.network.secret_key_file.empty())
    return fail(Errc::invalid_argument,
                "--supervise needs --secret-key-file: without it a node that was started again would be another peer; "
                "name a file, which is made when it is missing");
  if (out.machine.name == "noop" &&
      (out.machine.machine_id || out.machine.rust_type || out.quorum_floor > 0 || out.log_bytes))
    return fail(Errc::invalid_argument,
                "--machine-id, --rust-type, --quorum-floor and --log-limit are about a machine; add --machine counter "
                "or --machine kv");
  return out;
}

Result<std::optional<GroupKey>> read_group_key(const NodeSettings& given) {
  if (!given.group_secret_file.empty()) {
    const Result<GroupKey> group_key = GroupKey::from_file(given.group_secret_file);
    if (!group_key) return fail(Errc::io, group_key.error().message);  // the command line itself was spelt rightly
    return std::optional(*group_key);
  }
  if (given.group_secret) {
    if (!given.group_secret->key)
      return fail(Errc::io, "MOSAIK_GROUP_SECRET is empty; give it a secret, or unset it for a node without a group");
    return given.group_secret->key;
  }
  return std::optional<GroupKey>();
}

}  // namespace mosaik::command
