#pragma once
/// Files that a node keeps for itself: key, secret and state. Their folder may be open to other users, who must not be
/// able to hold the node up (a FIFO) or to lead it to another file (a symbolic link).
///
/// There is one way to open such a file, and one way to write one: whole, under another name first.

#include <sys/types.h>

#include <string>
#include <string_view>

#include <mosaik/types/result.hpp>

#include "posix/descriptor.hpp"

namespace mosaik::runtime {

/// What a kind of file has to be, and how errors speak of it.
struct FileKind {
  enum class Links { refused, followed };
  /// Whose file is read: that of this user or of root; or, if this user is root, that of any user.
  enum class Owners { ours, any_for_root };

  std::string_view what;         ///< `state file`
  std::string_view unfit;        ///< `is no state file`
  std::string_view unfit_help;   ///< what to do about that: `move it away`
  std::string_view access_help;  ///< what to do if the system refuses: `name a file that this user may read`
  Links links = Links::refused;  ///< if `path` itself is a symbolic link
  Owners owners = Owners::ours;
};

struct OwnFile {
  Descriptor descriptor;  ///< for reading
  mode_t mode = 0;
  std::size_t size = 0;  ///< bytes
};

/// `state file 'PATH' `: the beginning of each error about it.
[[nodiscard]] std::string named(const FileKind& kind, const std::string& path);

/// The folder of a path.
[[nodiscard]] std::string folder_of(const std::string& path);

/// Opens a regular file for reading. Never waits: not for a FIFO's writer either.
/// Errors: not_found; permission (the system refuses); refused (it belongs to another user); invalid_argument (a
/// symbolic link, a directory, a FIFO or another thing that is not a file); io.
[[nodiscard]] Result<OwnFile> open_own_file(const FileKind& kind, const std::string& path);

/// A new file under a temporary name in the folder of its final name, with mode 0600; it is removed at the end unless
/// it was given its final name.
class NewFile {
 public:
  /// Makes `path` + `suffix`. A file that a crash has left under this name is removed; a link there is not followed.
  /// Errors: permission, io; not_found if the folder is missing.
  [[nodiscard]] static Result<NewFile> create(const FileKind& kind, const std::string& path, std::string_view suffix);
  NewFile(NewFile&& other) noexcept;
  NewFile& operator=(NewFile&&) = delete;
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile();

  [[nodiscard]] const Descriptor& descriptor() const noexcept { return file_; }
  /// Takes the descriptor; the name stays until the end.
  [[nodiscard]] Descriptor take() noexcept { return std::move(file_); }
  /// Writes all of it. False, with errno.
  [[nodiscard]] bool write(std::string_view text) noexcept;
  /// The content is on disk, then the file has its final name in place of what was there, then the name is on disk.
  /// False, with errno.
  [[nodiscard]] bool replace() noexcept;
  /// The same, but never replaces a file: false, with errno EEXIST, if there is one.
  [[nodiscard]] bool publish() noexcept;

 private:
  NewFile(std::string path, std::string temporary, Descriptor file) noexcept
      : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)) {}
  std::string path_;
  std::string temporary_;
  Descriptor file_;
};

}  // namespace mosaik::runtime
