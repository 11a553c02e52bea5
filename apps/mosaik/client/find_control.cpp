#include "client/find_control.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "control/json.hpp"
#include "settings/join_command.hpp"
#include "settings/settings.hpp"

namespace mosaik::command {
namespace {

constexpr std::string_view suffix = ".sock";

std::string environment(const char* name) {
  const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here changes the environment
  return value != nullptr ? value : "";
}

enum class Directory { missing, ours };

/// Whether the control directory is this user's alone: any other owner or writer could stand in for the node. The node
/// and its clients look at it in the same way.
Result<Directory> check_directory(const std::string& directory) {
  struct stat found{};
  if (::lstat(directory.c_str(), &found) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return Directory::missing;
    return fail(Errc::permission, fmt::format("the control directory '{}' cannot be examined: {}; give a path with "
                                              "--control",
                                              directory, std::generic_category().message(errno)));
  }
  const auto refuse = [&](const std::string& why, const std::string& remedy) {
    return fail(Errc::permission,
                fmt::format("the control directory '{}' {}, so that another user could stand in for the node; {}, set "
                            "XDG_RUNTIME_DIR to a directory of this user, or give a path with --control",
                            directory, why, remedy));
  };
  const std::string owner = fmt::format("of uid {}", found.st_uid);
  if (S_ISLNK(found.st_mode)) return refuse("is a symbolic link " + owner, "remove it");
  if (!S_ISDIR(found.st_mode)) return refuse("is a file " + owner, "remove it");
  if (found.st_uid != ::geteuid())
    return refuse(fmt::format("belongs to another user (uid {}, not {})", found.st_uid, ::geteuid()), "remove it");
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return refuse(fmt::format("can be written by others (mode {:04o})", found.st_mode & 07777U),
                  fmt::format("run: chmod 700 {}", shell_word(directory)));
  return Directory::ours;
}

std::vector<std::string> running_nodes(const std::string& directory) {
  std::vector<std::string> out;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string path = entry->path().string();
    if (!path.ends_with(suffix)) continue;
    const auto alive = control::connect_to(path);
    if (alive || alive.error().code == Errc::in_use) out.push_back(path);
  }
  std::ranges::sort(out);
  return out;
}

std::string name_of(const std::string& path) {
  const std::string file = std::filesystem::path(path).filename().string();
  return file.substr(0, file.size() - suffix.size());
}

}  // namespace

std::string control_directory() {
  const std::string runtime = environment("XDG_RUNTIME_DIR");
  return runtime.empty() ? fmt::format("/tmp/mosaik-{}", ::getuid()) : runtime + "/mosaik";
}

Result<std::string> default_control(std::string_view name) {
  const std::string directory = control_directory();
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(directory).parent_path(), ignored);
  static_cast<void>(::mkdir(directory.c_str(), 0700));
  const Result<Directory> found = check_directory(directory);
  if (!found) return std::unexpected(found.error());
  if (*found == Directory::missing) {
    return fail(
        Errc::io,
        fmt::format("can not make the directory '{}' for the control socket; give a path with --control", directory));
  }
  return fmt::format("{}/{}{}", directory, name, suffix);
}

Result<std::string> find_control(const ClientOptions& options) {
  if (!options.control.empty()) return options.control;
  std::string name = options.name;
  if (!name.empty()) {
    if (const Result<std::string> parsed = parse_name("--name", name); !parsed) return parsed;
  } else {
    if (std::string control = environment("MOSAIK_CONTROL"); !control.empty()) return control;
    name = environment("MOSAIK_NAME");
  }
  const std::string directory = control_directory();
  if (const Result<Directory> found = check_directory(directory); !found) return std::unexpected(found.error());
  if (!name.empty()) return fmt::format("{}/{}{}", directory, name, suffix);
  const std::vector<std::string> running = running_nodes(directory);
  if (running.size() == 1) return running.front();
  if (running.empty()) {
    return fail(Errc::unreachable, fmt::format("no node is running (no live control socket in '{}'); start one with "
                                               "'mosaik node', or say where it is with --control PATH",
                                               directory));
  }
  std::string text = fmt::format("{} nodes are running; say which one is meant:", running.size());
  for (const std::string& path : running) text += fmt::format("\n  --name {}", name_of(path));
  return fail(Errc::invalid_argument, text);
}

Error explain_absence(const Error& error) {
  if (error.code != Errc::not_found) return error;
  std::string text;
  const std::string directory = control_directory();
  const Result<Directory> found = check_directory(directory);
  for (const std::string& path : found ? running_nodes(directory) : std::vector<std::string>())
    text += (text.empty() ? "running here: --name " : ", --name ") + name_of(path);
  return {Errc::unreachable,
          error.message + "; " + (text.empty() ? "start one with 'mosaik node --name LABEL'" : text)};
}

Result<std::string> ask_node(const ClientOptions& options, std::string_view target) {
  const Result<std::string> path = find_control(options);
  if (!path) return path;
  const bool acts = options.verb == ClientVerb::leave || options.verb == ClientVerb::forget;
  Result<control::Response> response = control::ask(*path, acts ? "POST" : "GET", target, options.patience);
  if (!response) {
    // A snapshot is always answered at once: whoever does not is no node that runs.
    const Errc code = response.error().code;
    if (code == Errc::closed || code == Errc::timed_out) return fail(Errc::unreachable, response.error().message);
    return std::unexpected(explain_absence(response.error()));
  }
  if (response->status / 100 != 2)
    return fail(Errc::refused,
                fmt::format("the node at '{}' refuses: {}", *path, control::json::read_error(response->body)));
  return std::move(response->body);
}

}  // namespace mosaik::command
