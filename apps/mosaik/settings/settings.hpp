#pragma once
/// The settings of `mosaik node`: one table for flags, TOML names and environment variables, one order of precedence
/// (command line, environment, file, default), one place where texts become values.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <mosaik/network.hpp>
#include <mosaik/types/consensus_config.hpp>
#include <mosaik/types/group_key.hpp>
#include <mosaik/types/result.hpp>

#include "machines/machines.hpp"
#include "settings/options.hpp"

namespace mosaik::command {

struct Setting {
  enum class Kind { text, list, file, flag };
  std::string_view name;  ///< as in `--name` and in TOML; upper case with underscores behind MOSAIK_ in the environment
  Kind kind = Kind::text;
  std::string_view placeholder;
  std::string_view help;
};
[[nodiscard]] std::span<const Setting> node_settings();

struct NodeSettings {
  NetworkConfig network;
  ConsensusConfig consensus;
  MachineChoice machine;
  std::uint32_t quorum_floor = 0;
  std::optional<std::uint64_t> log_bytes;                         ///< empty: the default
  std::string control;                                            ///< path of the control socket; empty: the default
  std::chrono::nanoseconds leave_wait = std::chrono::seconds(5);  ///< that leaving waits at most
  std::string group_secret_file;
  /// From the environment.
  struct GroupSecret {
    std::optional<GroupKey> key;  ///< none: the variable is empty
  };
  std::optional<GroupSecret> group_secret;
  bool json = false;
  bool commands = false;
  bool supervise = false;
  bool core_dumps = false;
  std::string log_level = "info";
  std::string log_format = "text";
};

/// Merges the sources and checks every value. Errors: invalid_argument names the setting and where it came from;
/// not_found, permission, io: about the file of --config.
[[nodiscard]] Result<NodeSettings> resolve_settings(const NodeOptions& options);

/// A node's label. Errors: invalid_argument names `origin`.
[[nodiscard]] Result<std::string> parse_name(const std::string& origin, const std::string& text);

/// `500ms`, `2s`, `1min`. Errors: invalid_argument names `origin`.
[[nodiscard]] Result<std::chrono::milliseconds> parse_time(const std::string& origin, const std::string& text);

/// The settings in a TOML file. Errors: invalid_argument (syntax, unknown names), not_found, io.
[[nodiscard]] Result<SettingTexts> read_config_file(const std::string& path);

/// The group's key, or nothing for a node without a group. Errors name the file and what to do.
[[nodiscard]] Result<std::optional<GroupKey>> read_group_key(const NodeSettings& settings);

}  // namespace mosaik::command
