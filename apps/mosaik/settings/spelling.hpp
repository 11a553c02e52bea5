#pragma once
/// What is said about a command line that is spelt wrongly: the word, what was expected in its place, and the known
/// word that is nearest to it. The parser knows all of that but tells it in words of its own.

#include <span>
#include <string>
#include <string_view>

namespace mosaik::command {

/// The known word that `word` most likely stands for; empty when none is near.
[[nodiscard]] std::string nearest(std::string_view word, std::span<const std::string> known);

/// About a flag that `verb` ("mosaik node") does not have. A value behind '=' is not repeated: it may be a secret, and
/// whoever tries to give one here is told where it belongs.
[[nodiscard]] std::string unknown_flag(std::string_view verb, std::string_view flag,
                                       std::span<const std::string> known);

/// About a word that `verb` can not take, where one of `known` (its own verbs, if it has any) can stand.
[[nodiscard]] std::string unknown_word(std::string_view verb, std::string_view word,
                                       std::span<const std::string> known);

/// About what the parser itself has to say of `verb`, e.g. "--name: 1 required LABEL missing".
[[nodiscard]] std::string in_our_words(std::string_view verb, std::string_view complaint,
                                       std::span<const std::string> known);

}  // namespace mosaik::command
