#include "mosaik/settings.hpp"
#include "runtime/secret_file.hpp"

namespace mosaik::command {

Result<std::optional<GroupKey>> read_group_key(const NodeSettings& settings) {
  if (!settings.group_secret_file.empty()) {
    const Result<runtime::Secret> secret = runtime::read_secret_file("group secret file", settings.group_secret_file);
    if (!secret) return fail(Errc::io, secret.error().message);  // the command line itself was spelt rightly
    return std::optional(GroupKey::from_secret(secret->text()));
  }
  if (settings.group_secret) {
    const std::string_view text = settings.group_secret->text();
    if (text.empty())
      return fail(Errc::io, "MOSAIK_GROUP_SECRET is empty; give it a secret, or unset it for a node without a group");
    return std::optional(GroupKey::from_secret(text));
  }
  return std::optional<GroupKey>();
}

}  // namespace mosaik::command
