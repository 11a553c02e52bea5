#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

#include "settings/exit_code.hpp"
#include "settings/options.hpp"
#include "settings/settings.hpp"
#include "settings/spelling.hpp"
#include "view/output.hpp"

namespace mosaik::command {
namespace {

constexpr const char* about =
    "mosaik turns processes into a group: they find one another, prove that they know the group's secret,\n"
    "hold one encrypted bond between every pair, and notice within milliseconds when one dies.";

constexpr const char* first_steps =
    "Examples:\n"
    "  mosaik demo                      five nodes on this computer, one is killed and comes back\n"
    "  mosaik node --name a             run a node\n"
    "  mosaik status --name a           ask it how it is\n"
    "\n"
    "Exit codes: 0 fine, 1 failure, 3 no node answers, 64 wrong usage; of 'mosaik status': 0 healthy, 1 degraded, 2 "
    "no\n"
    "leader or no quorum; of 'mosaik kv' and 'mosaik counter': 4 nobody can tell whether it was done; of 'mosaik kv':\n"
    "5 no such key.";

/// The parser and the values that it fills.
class Parser {
 public:
  Parser() {
    app_.require_subcommand(1);
    app_.footer(first_steps);
    app_.get_formatter()->column_width(34);
    add_demo();
    add_node();
    add_keygen();
    add_client(ClientVerb::status, "status", "say how a running node is, in words",
               "  mosaik status --name a\n  mosaik status --json | jq .health\n"
               "  mosaik status --wait 60s         before the next member is restarted");
    add_client(ClientVerb::members, "members", "list the members of its group", "  mosaik members --name a");
    add_client(ClientVerb::bonds, "bonds", "list its own bonds", "  mosaik bonds --name a");
    add_client(ClientVerb::topology, "topology", "draw who is bonded with whom", "  mosaik topology --name a");
    add_client(ClientVerb::events, "events", "print what happens, until it ends",
               "  mosaik events --name a\n  mosaik events --json | jq 'select(.event == \"bond_down\")'");
    add_client(
        ClientVerb::trace, "trace", "print what it decides and why, until Ctrl-C",
        "  mosaik trace --name a --component consensus\n  mosaik trace --json | jq 'select(.what == \"vote_denied\")'");
    add_client(ClientVerb::watch, "watch", "a live view; q or Ctrl-C ends it", "  mosaik watch --name a");
    add_client(ClientVerb::leave, "leave", "make it leave its group gracefully and end", "  mosaik leave --name a");
    add_client(ClientVerb::forget, "forget", "have a member forgotten that is gone and will not come back",
               "  mosaik forget 07c1be90...          the 64 digits that `mosaik members --json` shows\n\n"
               "All C++ members that are bonded with this node forget it too. One that lives is not forgotten.");
    add_counter();
    add_kv();
    add_version();
    add_completion();
  }

  CLI::App& app() { return app_; }

  [[nodiscard]] Options options() {
    if (demo_verb_->parsed()) {
      if (*seed_option_) demo_.seed = seed_;
      return demo_;
    }
    if (node_verb_->parsed()) {
      std::erase_if(node_.given, [](const auto& item) { return item.second.empty(); });
      return node_;
    }
    if (keygen_verb_->parsed()) return keygen_;
    if (version_verb_->parsed()) return version_;
    if (completion_verb_->parsed()) return completion_;
    for (const auto& [verb, options] : clients_)
      if (verb->parsed()) return *options;
    for (const auto& [verb, options] : counters_)
      if (verb->parsed()) return *options;
    for (const auto& [verb, options] : kvs_)
      if (verb->parsed()) return *options;
    return version_;
  }

 private:
  CLI::App* add_verb(const char* name, const char* help, const std::string& examples) {
    CLI::App* const verb = app_.add_subcommand(name, help);
    verb->footer("Example:\n" + examples);
    return verb;
  }

  static void add_json(CLI::App* verb, Output& output, const char* help) {
    verb->add_flag_callback("--json", [&output] { output = Output::json; }, help);
  }

  void add_demo() {
    demo_verb_ = add_verb("demo", "real nodes on this computer: the mesh forms, one is killed, comes back, one leaves",
                          "  mosaik demo\n  mosaik demo --nodes 12 --seed 7\n  mosaik demo --json | jq .");
    demo_verb_->add_option("--nodes", demo_.nodes, "how many nodes (5)")->check(CLI::Range(3U, 64U))->type_name("N");
    add_json(demo_verb_, demo_.output, "print each step as JSON, one a line");
    seed_option_ = demo_verb_->add_option("--seed", seed_, "chooses who is killed and who leaves")->type_name("N");
    demo_verb_->add_flag("--keep", demo_.keep, "keep the nodes running afterwards, until Ctrl-C");
  }

  void add_node() {
    node_verb_ =
        add_verb("node", "run one node until SIGINT or SIGTERM, which leave gracefully",
                 "  mosaik keygen > secret; chmod 600 secret\n"
                 "  mosaik node --name a --group-secret-file secret\n"
                 "  mosaik node --name b --group-secret-file secret --bootstrap <contact that a has printed>\n"
                 "\n"
                 "Every flag is also a name in the TOML file of --config and an environment variable: --max-missed,\n"
                 "max-missed = 10, MOSAIK_MAX_MISSED=10. The command line wins over the environment, that over the\n"
                 "file. Lists are separated by commas in the environment.");
    node_verb_->add_option("--config", node_.config, "TOML file with settings")->type_name("FILE");
    for (const Setting& setting : node_settings()) add_setting(setting);
  }

  void add_setting(const Setting& setting) {
    const std::string name(setting.name);
    const std::string flag = "--" + name;
    std::vector<std::string>& texts = node_.given[name];
    if (setting.kind == Setting::Kind::flag) {
      node_verb_->add_flag_callback(flag, [&texts] { texts = {"true"}; }, std::string(setting.help));
      return;
    }
    CLI::Option* const option = node_verb_->add_option(flag, texts, std::string(setting.help));
    option->type_name(std::string(setting.placeholder))->allow_extra_args(false);
    if (setting.kind == Setting::Kind::list) return;
    option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::Throw);
  }

  void add_keygen() {
    keygen_verb_ = add_verb("keygen", "make a secret key and print its peer id",
                            "  mosaik keygen --out node.key\n  mosaik node --secret-key-file node.key");
    keygen_verb_->add_option("--out", keygen_.out, "new file for the key, mode 0600; without it the key is printed")
        ->type_name("FILE");
  }

  void add_client(ClientVerb verb, const char* name, const char* help, const char* examples) {
    auto options = std::make_unique<ClientOptions>();
    options->verb = verb;
    CLI::App* const parsed = add_verb(
        name, help, std::string(examples) + "\n\nWithout --control and --name the only running node is meant.");
    add_target(parsed, *options);
    if (verb == ClientVerb::status) {
      parsed
          ->add_option("--wait", options->wait,
                       "wait so long at most until the node runs, is healthy, and in step with its group")
          ->type_name("TIME");
    }
    if (verb == ClientVerb::forget)
      parsed->add_option("PEERID", options->peer, "whom: 64 hexadecimal digits")->required()->type_name("");
    if (verb == ClientVerb::trace) {
      parsed
          ->add_option("--component", options->component,
                       "of this one alone: consensus, detector, dial, bonds, discovery, quic")
          ->type_name("NAME");
      parsed->add_option("--peer", options->peer, "about this peer alone: 64 hexadecimal digits")->type_name("PEERID");
    }
    if (verb != ClientVerb::watch) add_json(parsed, options->output, "print JSON (docs/CONTROL.md)");
    clients_.emplace_back(parsed, std::move(options));
  }

  static void add_target(CLI::App* verb, ClientOptions& options) {
    verb->add_option("--control", options.control, "path of the node's control socket")->type_name("PATH");
    verb->add_option("--name", options.name, "name of the node")->type_name("LABEL");
  }

  /// What every verb on a machine takes.
  static void add_call(CLI::App* verb, CallOptions& options, bool reads) {
    add_target(verb, options.client);
    verb->add_option("--timeout", options.timeout, "give up after so long (10s)")->type_name("TIME");
    if (reads) {
      verb->add_option("--consistency", options.consistency,
                       "strong: as its leader knows it; weak: as this node does (strong)")
          ->check(CLI::IsMember({"weak", "strong"}))
          ->type_name("LEVEL");
    }
    add_json(verb, options.client.output, "print JSON");
  }

  CLI::App* add_machine_verb(const char* name, const char* help, const std::string& examples) {
    CLI::App* const verb = add_verb(name, help,
                                    examples + "\n\nThe node runs with --machine " + name +
                                        ". Without --control and --name the only running node is meant.");
    verb->require_subcommand(1);
    return verb;
  }

  template <class OptionsOf>
  CLI::App* add_action(CLI::App* verb, std::vector<std::pair<CLI::App*, std::unique_ptr<OptionsOf>>>& list,
                       typename OptionsOf::Verb action, const char* name, const char* help, bool reads) {
    list.emplace_back(verb->add_subcommand(name, help), std::make_unique<OptionsOf>());
    auto& [added, options] = list.back();
    options->verb = action;
    add_call(added, options->call, reads);
    return added;
  }

  void add_counter() {
    using Verb = CounterOptions::Verb;
    counter_verb_ = add_machine_verb("counter", "change or read the replicated counter of a running node",
                                     "  mosaik counter add 3 --name a\n  mosaik counter get --name b");
    CLI::App* const add =
        add_action(counter_verb_, counters_, Verb::add, "add", "add to it, wait for the commit", false);
    add->add_option("N", counters_.back().second->n, "how much (1)");
    add_action(counter_verb_, counters_, Verb::get, "get", "print it", true);
  }

  void add_kv() {
    using Verb = KvOptions::Verb;
    kv_verb_ = add_machine_verb("kv", "change or read the replicated keys of a running node",
                                "  mosaik kv put colour blue --name a\n  mosaik kv get colour --name b\n"
                                "  mosaik kv put motd - --name a < file\n  mosaik kv get motd --raw --name b > copy\n"
                                "  mosaik kv watch --name a");
    const auto text = [this](const char* name, const char* help) {
      return kv_verb_->get_subcommands({}).back()->add_option(name, kvs_.back().second->key, help);
    };
    CLI::App* const get = add_action(kv_verb_, kvs_, Verb::get, "get", "print the value of a key", true);
    text("KEY", "the key")->required();
    get->add_flag("--raw", kvs_.back().second->raw, "print the bytes of the value and nothing else, no newline either")
        ->excludes("--json");
    CLI::App* const put = add_action(kv_verb_, kvs_, Verb::put, "put", "set a key, wait for the commit", false);
    text("KEY", "the key, at most 1 KiB")->required();
    put->add_option("VALUE", kvs_.back().second->value, "its value, at most 1 MiB; - reads standard input")->required();
    add_action(kv_verb_, kvs_, Verb::remove, "delete", "delete a key, wait for the commit", false);
    text("KEY", "the key")->required();
    add_action(kv_verb_, kvs_, Verb::list, "list", "list keys and values", true);
    text("PREFIX", "only keys that begin so");
    CLI::App* const watch =
        add_action(kv_verb_, kvs_, Verb::watch, "watch", "print changes as they happen, until it is ended", false);
    watch->footer(
        "Of a key that changes faster than it is looked at the newest value is printed; a line before it says that "
        "earlier "
        "changes\nwere skipped. When this member has to follow another history, a line says that the history was "
        "replaced, "
        "and all keys\nfollow.");
    text("PREFIX", "only keys that begin so");
  }

  void add_version() {
    version_verb_ = add_verb("version", "print the versions of mosaik, its wire protocol and its libraries",
                             "  mosaik version --json");
    add_json(version_verb_, version_.output, "print JSON");
  }

  void add_completion() {
    completion_verb_ = add_verb("completion", "print a script that completes this command in your shell",
                                "  source <(mosaik completion bash)\n"
                                "  mosaik completion zsh > ~/.zfunc/_mosaik\n"
                                "  mosaik completion fish > ~/.config/fish/completions/mosaik.fish");
    completion_verb_->add_option("SHELL", completion_.shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  }

  CLI::App app_{about, "mosaik"};
  DemoOptions demo_;
  std::uint64_t seed_ = 0;
  NodeOptions node_;
  KeygenOptions keygen_;
  VersionOptions version_;
  CompletionOptions completion_;
  CLI::App* demo_verb_ = nullptr;
  CLI::Option* seed_option_ = nullptr;
  CLI::App* node_verb_ = nullptr;
  CLI::App* keygen_verb_ = nullptr;
  CLI::App* version_verb_ = nullptr;
  CLI::App* completion_verb_ = nullptr;
  CLI::App* counter_verb_ = nullptr;
  CLI::App* kv_verb_ = nullptr;
  std::vector<std::pair<CLI::App*, std::unique_ptr<ClientOptions>>> clients_;
  std::vector<std::pair<CLI::App*, std::unique_ptr<CounterOptions>>> counters_;
  std::vector<std::pair<CLI::App*, std::unique_ptr<KvOptions>>> kvs_;
};

/// What was spelt rightly: `mosaik kv put`, and what may stand behind it.
struct Spelt {
  const CLI::App* app = nullptr;
  std::string verb;
  std::vector<std::string> flags;
  std::vector<std::string> verbs;

  explicit Spelt(const CLI::App& whole) : app(&whole), verb(whole.get_name()) {
    for (auto next = app->get_subcommands(); !next.empty(); next = app->get_subcommands()) {
      app = next.front();
      verb += " " + app->get_name();
    }
    for (const CLI::Option* const option : app->get_options())
      for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
    for (const CLI::App* const below : app->get_subcommands({})) verbs.push_back(below->get_name());
  }
};

/// The first flag that is given more often than it can be.
const CLI::Option* given_too_often(const CLI::App& app) {
  for (const CLI::Option* const option : app.get_options())
    if (!option->get_lnames().empty() && option->count() > static_cast<std::size_t>(option->get_expected_max()) &&
        option->get_expected_max() > 0)
      return option;
  return nullptr;
}

/// What the parser did not know comes first: often it is why something else is missing.
std::string explain(const CLI::App& app, const std::string& complaint) {
  const Spelt spelt(app);
  const std::vector<std::string> unknown = app.remaining(true);
  const auto flag = std::ranges::find_if(unknown, [](const std::string& word) { return word.starts_with("-"); });
  if (flag != unknown.end()) return unknown_flag(spelt.verb, *flag, spelt.flags);
  if (!unknown.empty()) return unknown_word(spelt.verb, unknown.front(), spelt.verbs);
  if (const CLI::Option* const often = given_too_often(*spelt.app))
    return fmt::format("--{} is given {} times; give it once", often->get_lnames().front(), often->count());
  return in_our_words(spelt.verb, complaint, spelt.verbs);
}

int refuse(const CLI::App& app, const std::string& complaint) {
  const std::string text = Style::of(stderr).red("mosaik:") + " " + printable(explain(app, complaint)) + "\nTry '" +
                           Spelt(app).verb + " --help'.\n";
  std::fputs(text.c_str(), stderr);
  return exit_usage;
}

FlagDescription describe(const CLI::Option& option) {
  FlagDescription out{option.get_name(false, true), option.get_description(), FlagDescription::Value::none};
  out.name = "--" + option.get_lnames().front();
  const std::string type = option.get_type_name();
  if (option.get_items_expected_max() > 0)
    out.value = type == "FILE" || type == "PATH" ? FlagDescription::Value::file : FlagDescription::Value::text;
  return out;
}

/// Flags of a verb and of its actions, each once.
void add_flags(VerbDescription& description, const CLI::App& app) {
  for (const CLI::Option* const option : app.get_options()) {
    if (option->get_lnames().empty()) continue;
    FlagDescription flag = describe(*option);
    if (std::ranges::find(description.flags, flag.name, &FlagDescription::name) == description.flags.end())
      description.flags.push_back(std::move(flag));
  }
}

}  // namespace

std::variant<Options, int> parse_command_line(int count, char** arguments) {
  Parser parser;
  if (count == 2 && std::string_view(arguments[1]) == "--version") return VersionOptions{};
  if (count < 2) {
    std::fputs(parser.app().help().c_str(), stderr);
    return exit_usage;
  }
  try {
    parser.app().parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return parser.app().exit(error);
    return refuse(parser.app(), error.what());
  }
  return parser.options();
}

std::vector<VerbDescription> describe_verbs() {
  Parser parser;
  std::vector<VerbDescription> out;
  for (const CLI::App* const verb : parser.app().get_subcommands({})) {
    VerbDescription& description = out.emplace_back();
    description.name = verb->get_name();
    description.help = verb->get_description();
    add_flags(description, *verb);
    for (const CLI::App* const action : verb->get_subcommands({})) {
      description.words.push_back(action->get_name());
      add_flags(description, *action);
    }
    if (description.name == "completion") description.words = {"bash", "zsh", "fish"};
  }
  return out;
}

}  // namespace mosaik::command
