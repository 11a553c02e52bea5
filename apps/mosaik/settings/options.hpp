#pragma once
/// What was asked on the command line, as plain values.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace mosaik::command {

/// Texts by the name of a setting, as one source (command line, environment, file) gives them.
using SettingTexts = std::map<std::string, std::vector<std::string>, std::less<>>;

enum class Output { people, json };

struct DemoOptions {
  std::uint32_t nodes = 5;
  std::optional<std::uint64_t> seed;
  bool keep = false;
  Output output = Output::people;
};
struct NodeOptions {
  std::string config;
  SettingTexts given;
};
struct KeygenOptions {
  std::string out;
};
enum class ClientVerb { status, members, bonds, topology, events, trace, watch, leave, forget };
struct ClientOptions {
  ClientVerb verb = ClientVerb::status;
  std::string control;
  std::string name;
  Output output = Output::people;
  std::string peer;       ///< of forget: whom; of trace: about whom alone
  std::string component;  ///< of trace: of which alone
  std::string wait;       ///< of status: how long to wait until all is well; empty: not at all
  std::chrono::milliseconds patience = std::chrono::seconds(10);  ///< with one question to the node
};
/// Which node to ask about its machine, and for how long.
struct CallOptions {
  ClientOptions client;
  std::string consistency = "strong";
  std::string timeout = "10s";
};
struct CounterOptions {
  enum class Verb { add, get };
  Verb verb = Verb::get;
  CallOptions call;
  std::uint32_t n = 1;
};
struct KvOptions {
  enum class Verb { get, put, remove, list, watch };
  Verb verb = Verb::get;
  CallOptions call;
  std::string key;  ///< or a prefix
  std::string value;
  bool raw = false;  ///< of get: the value's bytes and nothing else
};
struct VersionOptions {
  Output output = Output::people;
};
struct CompletionOptions {
  std::string shell;
};

using Options = std::variant<DemoOptions, NodeOptions, KeygenOptions, ClientOptions, CounterOptions, KvOptions,
                             VersionOptions, CompletionOptions>;

/// A verb with its flags, for completion.
struct FlagDescription {
  std::string name;  ///< with its dashes
  std::string help;
  enum class Value { none, text, file } value = Value::none;
};
struct VerbDescription {
  std::string name;
  std::string help;
  std::vector<FlagDescription> flags;
  std::vector<std::string> words;  ///< what may stand behind the verb
};

/// Parses the command line. An int means: everything is said, end with this code.
[[nodiscard]] std::variant<Options, int> parse_command_line(int count, char** arguments);
[[nodiscard]] std::vector<VerbDescription> describe_verbs();

}  // namespace mosaik::command
