// Without exceptions the library is built in here: the packaged one throws.
#define TOML_EXCEPTIONS 0
#undef TOML_HEADER_ONLY
#define TOML_HEADER_ONLY 1
#undef TOML_SHARED_LIB
#define TOML_SHARED_LIB 0
#include <toml++/toml.h>

#include <algorithm>
#include <fstream>

#include "settings/settings.hpp"

namespace mosaik::command {
namespace {

constexpr std::size_t config_bytes = 1U << 20U;

/// A setting's name as it may be written in TOML: with dashes or underscores.
const Setting* find_setting(std::string_view key) {
  std::string name(key);
  std::ranges::replace(name, '_', '-');
  const auto all = node_settings();
  const auto found = std::ranges::find(all, name, &Setting::name);
  return found == all.end() ? nullptr : &*found;
}

std::optional<std::string> text_of(const toml::node& node) {
  if (const auto* const text = node.as_string()) return text->get();
  if (const auto* const number = node.as_integer()) return std::to_string(number->get());
  if (const auto* const flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

std::optional<std::vector<std::string>> texts_of(const Setting& setting, const toml::node& node) {
  const toml::array* const items = node.as_array();
  if (items == nullptr) {
    const std::optional<std::string> text = text_of(node);
    return text ? std::optional(std::vector{*text}) : std::nullopt;
  }
  if (setting.kind != Setting::Kind::list) return std::nullopt;
  std::vector<std::string> out;
  for (const toml::node& item : *items) {
    const std::optional<std::string> text = text_of(item);
    if (!text) return std::nullopt;
    out.push_back(*text);
  }
  return out;
}

}  // namespace

Result<SettingTexts> read_config_file(const std::string& path) {
  // read() and not an iterator: of a directory, the iterator's first look throws.
  std::ifstream file(path, std::ios::binary);
  std::string text(config_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) {
    return fail(Errc::not_found,
                "can not read the configuration file '" + path + "'; name a file that this user may read (--config)");
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > config_bytes) {
    return fail(Errc::limit, "the configuration file '" + path + "' is longer than " + std::to_string(config_bytes) +
                                 " bytes; name the right file (--config)");
  }
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return fail(Errc::invalid_argument, "'" + path + "' is no TOML: line " + std::to_string(error.source().begin.line) +
                                            ": " + std::string(error.description()));
  }
  SettingTexts out;
  for (const auto& [key, node] : parsed.table()) {
    if (key.str() == "group-secret" || key.str() == "group_secret") {
      return fail(Errc::invalid_argument, "'" + path +
                                              "' holds a group secret; put it into a file of its own with mode "
                                              "0600 and name that with group-secret-file");
    }
    const Setting* const setting = find_setting(key.str());
    if (setting == nullptr) {
      return fail(Errc::invalid_argument, "'" + path + "' has an unknown setting '" + std::string(key.str()) +
                                              "'; the names are those of the flags of 'mosaik node --help'");
    }
    std::optional<std::vector<std::string>> texts = texts_of(*setting, node);
    if (!texts)
      return fail(Errc::invalid_argument,
                  "'" + path + "': '" + std::string(key.str()) + "' has a value of a wrong kind");
    out[std::string(setting->name)] = std::move(*texts);
  }
  return out;
}

}  // namespace mosaik::command
