#include <fmt/format.h>

#include <algorithm>

#include "settings/exit_code.hpp"
#include "verbs/verbs.hpp"
#include "view/output.hpp"

namespace mosaik::command {
namespace {

using Value = FlagDescription::Value;

/// `text` within single quotes of bash and zsh.
std::string quoted(std::string text) {
  std::erase(text, '\'');
  return text;
}

/// `text` within a zsh description: brackets and colons mean something there.
std::string zsh_quoted(std::string text) {
  std::erase_if(text, [](char c) { return c == '\'' || c == '[' || c == ']' || c == ':'; });
  return text;
}

std::vector<std::string> flags_with(const VerbDescription& verb, Value value) {
  std::vector<std::string> out;
  for (const FlagDescription& flag : verb.flags)
    if (flag.value == value) out.push_back(flag.name);
  return out;
}

std::vector<std::string> names_of(const VerbDescription& verb) {
  std::vector<std::string> out;
  for (const FlagDescription& flag : verb.flags) out.push_back(flag.name);
  out.insert(out.end(), verb.words.begin(), verb.words.end());
  return out;
}

std::string bash(const std::vector<VerbDescription>& verbs) {
  std::string names;
  std::string cases;
  for (const VerbDescription& verb : verbs) {
    names += (names.empty() ? "" : " ") + verb.name;
    const std::vector<std::string> files = flags_with(verb, Value::file);
    const std::vector<std::string> texts = flags_with(verb, Value::text);
    cases += fmt::format("    {})\n", verb.name);
    if (!files.empty() || !texts.empty()) {
      cases += "      case \"$previous\" in\n";
      if (!files.empty())
        cases +=
            fmt::format("        {}) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n", fmt::join(files, "|"));
      if (!texts.empty()) cases += fmt::format("        {}) COMPREPLY=(); return ;;\n", fmt::join(texts, "|"));
      cases += "      esac\n";
    }
    cases += fmt::format("      COMPREPLY=($(compgen -W '{}' -- \"$current\")) ;;\n", fmt::join(names_of(verb), " "));
  }
  return fmt::format(
      "# bash completion of mosaik: source <(mosaik completion bash)\n"
      "_mosaik() {{\n"
      "  local current=\"${{COMP_WORDS[COMP_CWORD]}}\" previous=\"${{COMP_WORDS[COMP_CWORD-1]}}\"\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
      "    COMPREPLY=($(compgen -W '{} --help --version' -- \"$current\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"${{COMP_WORDS[1]}}\" in\n"
      "{}"
      "  esac\n"
      "}}\n"
      "complete -o filenames -F _mosaik mosaik\n",
      names, cases);
}

std::string zsh(const std::vector<VerbDescription>& verbs) {
  std::string names;
  std::string cases;
  for (const VerbDescription& verb : verbs) {
    names += fmt::format("    '{}:{}'\n", verb.name, quoted(verb.help));
    cases += fmt::format("    {})\n      _arguments \\\n", verb.name);
    for (const FlagDescription& flag : verb.flags) {
      const std::string_view value = flag.value == Value::none   ? ""
                                     : flag.value == Value::file ? ":file:_files"
                                                                 : ":value:";
      cases += fmt::format("        '*{}[{}]{}' \\\n", flag.name, zsh_quoted(flag.help), value);
    }
    if (!verb.words.empty()) cases += fmt::format("        '1:word:({})' \\\n", fmt::join(verb.words, " "));
    cases += "        && return 0 ;;\n";
  }
  return fmt::format(
      "#compdef mosaik\n"
      "# zsh completion of mosaik: put it into a folder of $fpath as _mosaik\n"
      "_mosaik() {{\n"
      "  local -a verbs\n"
      "  verbs=(\n"
      "{}"
      "  )\n"
      "  if (( CURRENT == 2 )); then\n"
      "    _describe 'verb' verbs\n"
      "    return\n"
      "  fi\n"
      "  local verb=${{words[2]}}\n"
      "  shift words\n"
      "  (( CURRENT-- ))\n"
      "  case $verb in\n"
      "{}"
      "  esac\n"
      "}}\n"
      "if [ \"$funcstack[1]\" = \"_mosaik\" ]; then _mosaik \"$@\"; else compdef _mosaik mosaik; fi\n",
      names, cases);
}

std::string fish(const std::vector<VerbDescription>& verbs) {
  std::string out =
      "# fish completion of mosaik: put it into ~/.config/fish/completions/mosaik.fish\n"
      "complete -c mosaik -f\n";
  for (const VerbDescription& verb : verbs) {
    out += fmt::format("complete -c mosaik -n __fish_use_subcommand -a {} -d '{}'\n", verb.name, quoted(verb.help));
    const std::string here = fmt::format("complete -c mosaik -n '__fish_seen_subcommand_from {}'", verb.name);
    for (const FlagDescription& flag : verb.flags) {
      const std::string_view value = flag.value == Value::none ? "" : flag.value == Value::file ? " -r -F" : " -x";
      out += fmt::format("{} -l {}{} -d '{}'\n", here, flag.name.substr(2), value, quoted(flag.help));
    }
    for (const std::string& word : verb.words) out += fmt::format("{} -a {}\n", here, word);
  }
  return out;
}

}  // namespace

int run_completion(const CompletionOptions& options) {
  const std::vector<VerbDescription> verbs = describe_verbs();
  const std::string script = options.shell == "bash" ? bash(verbs) : options.shell == "zsh" ? zsh(verbs) : fish(verbs);
  return print(script) ? exit_fine : exit_failure;
}

}  // namespace mosaik::command
