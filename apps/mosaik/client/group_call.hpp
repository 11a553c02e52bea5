#pragma once
/// A verb's way to the replicated machine of a running node: through its control socket, to the group that runs the
/// machine that the verb is for.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <mosaik/serialization/postcard_types.hpp>
#include <mosaik/types/result.hpp>

#include "control/client.hpp"
#include "settings/options.hpp"

namespace mosaik::command {

class GroupCaller {
 public:
  /// Finds the node and looks whether it runs `machine`: bytes for another machine must not reach its log.
  /// Errors: those of find_control, refused (no machine, or another one).
  [[nodiscard]] static Result<GroupCaller> open(const CallOptions& options, std::string_view machine);

  /// The place at which the command is committed. Errors: see ReplicatedGroup.
  template <class Command>
  [[nodiscard]] Result<Index> execute(const Command& command) const {
    auto answer = carry_out(control::Call::Kind::execute, postcard::encode(command), Consistency::weak);
    if (!answer) return std::unexpected(answer.error());
    return answer->index;
  }

  template <class T>
  struct Read {
    T result;
    Index position;       ///< how many commands the machine had applied
    std::string history;  ///< another text, another history
  };
  template <class T, class Query>
  [[nodiscard]] Result<Read<T>> query(const Query& query, Consistency consistency) const {
    auto answer = carry_out(control::Call::Kind::query, postcard::encode(query), consistency);
    if (!answer) return std::unexpected(answer.error());
    auto result = postcard::decode<T>(answer->result);
    if (!result)
      return fail(Errc::malformed, "the node's machine answers in another way; compare 'mosaik version' of both");
    return Read<T>{std::move(*result), answer->index, answer->history};
  }
  /// As the flags say.
  template <class T, class Query>
  [[nodiscard]] Result<Read<T>> query(const Query& asked) const {
    return query<T>(asked, consistency_);
  }
  /// Waits until more than `beyond` commands are committed, or the history is not `history` any more; false when a
  /// while passed without one. Errors: closed when nobody reads from the descriptor `reader` any more, and those of
  /// ReplicatedGroup.
  [[nodiscard]] Result<bool> wait_beyond(Index beyond, const std::string& history, int reader) const;

 private:
  GroupCaller(std::string path, const GroupId& group, std::chrono::milliseconds time, Consistency consistency)
      : path_(std::move(path)), group_(group), time_(time), consistency_(consistency) {}
  [[nodiscard]] Result<control::CallAnswer> carry_out(control::Call::Kind kind, std::vector<std::uint8_t> bytes,
                                                      Consistency consistency) const;

  std::string path_;
  GroupId group_;
  std::chrono::milliseconds time_;
  Consistency consistency_;
};

}  // namespace mosaik::command
