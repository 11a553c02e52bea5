#include "runtime/own_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace mosaik::runtime {
namespace {

/// Another process may make the temporary file between our unlink() and our open(); it cannot do so for ever.
constexpr int create_attempts = 8;

std::string reason(int error) {
  return std::generic_category().message(error);
}

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "directory";
  if (S_ISLNK(mode)) return "symbolic link";
  if (S_ISFIFO(mode)) return "FIFO";
  if (S_ISSOCK(mode)) return "socket";
  return "device";
}

std::unexpected<Error> unfit(const FileKind& kind, const std::string& path, std::string_view found) {
  return fail(Errc::invalid_argument, named(kind, path) + std::string(kind.unfit) + " but a " + std::string(found) +
                                          "; " + std::string(kind.unfit_help));
}

std::unexpected<Error> cannot_open(const FileKind& kind, const std::string& path, int error) {
  if (error == ENOENT) return fail(Errc::not_found, named(kind, path) + "does not exist; create it, or name another");
  struct stat found{};
  const bool link = kind.links == FileKind::Links::refused && error == ELOOP;
  // A socket cannot be opened at all, and says so in words of its own (ENXIO).
  if (link || (error == ENXIO && ::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)))
    return unfit(kind, path, link ? "symbolic link" : "socket");
  const bool forbidden = error == EACCES || error == EPERM;
  return fail(forbidden ? Errc::permission : Errc::io,
              named(kind, path) + "cannot be opened: " + reason(error) + "; " + std::string(kind.access_help));
}

bool is_fine_owner(const FileKind& kind, uid_t owner) {
  const uid_t self = ::geteuid();
  return owner == self || owner == 0 || (self == 0 && kind.owners == FileKind::Owners::any_for_root);
}

bool sync_file(int fd) {
  return ::fsync(fd) == 0 || errno == EINVAL;  // EINVAL: this file system has nothing to sync
}

/// A name is on disk only when its folder is.
bool sync_folder(const std::string& path) {
  const Descriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder && sync_file(folder.get());
}

}  // namespace

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string named(const FileKind& kind, const std::string& path) {
  return std::string(kind.what) + " '" + path + "' ";
}

Result<OwnFile> open_own_file(const FileKind& kind, const std::string& path) {
  // O_NONBLOCK: a FIFO without a writer must not hold us up. O_NOCTTY: nor may a terminal become ours.
  const int no_follow = kind.links == FileKind::Links::refused ? O_NOFOLLOW : 0;
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | no_follow));
  if (!file) return cannot_open(kind, path, errno);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0)
    return fail(Errc::io, named(kind, path) + "cannot be examined: " + reason(errno));
  if (!S_ISREG(status.st_mode)) return unfit(kind, path, kind_of(status.st_mode));
  if (!is_fine_owner(kind, status.st_uid))
    return fail(Errc::refused, named(kind, path) + "belongs to another user (uid " + std::to_string(status.st_uid) +
                                   "); " + std::string(kind.access_help));
  return OwnFile{std::move(file), status.st_mode, static_cast<std::size_t>(status.st_size)};
}

Result<NewFile> NewFile::create(const FileKind& kind, const std::string& path, std::string_view suffix) {
  const std::string temporary = path + std::string(suffix);
  int error = EEXIST;
  for (int attempt = 0; attempt < create_attempts && error == EEXIST; ++attempt) {
    Descriptor file(::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (file) {
      NewFile out(path, temporary, std::move(file));
      // The mode again: open() took the umask away from it, and a umask can also take the owner's own rights.
      if (::fchmod(out.file_.get(), S_IRUSR | S_IWUSR) == 0) return out;
      error = errno;
      break;
    }
    error = errno;
    if (error == EEXIST && ::unlink(temporary.c_str()) != 0 && errno != ENOENT) {
      return fail(Errc::permission, named(kind, path) + "cannot be written: '" + temporary +
                                        "' is in its way and cannot be removed (" + reason(errno) + "); remove it");
    }
  }
  const bool forbidden = error == EACCES || error == EPERM || error == EROFS;
  const bool full = error == ENOSPC || error == EDQUOT;
  const Errc code = forbidden ? Errc::permission : error == ENOENT ? Errc::not_found : full ? Errc::limit : Errc::io;
  return fail(code, named(kind, path) + "cannot be created: " + reason(error));
}

NewFile::NewFile(NewFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})), file_(std::move(other.file_)) {}

NewFile::~NewFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

bool NewFile::write(std::string_view text) noexcept {
  return write_all(file_.get(), text);
}

bool NewFile::replace() noexcept {
  if (!sync_file(file_.get()) || ::rename(temporary_.c_str(), path_.c_str()) != 0) return false;
  temporary_.clear();
  return sync_folder(path_) || errno == EACCES;  // a folder that may be written and not read: its name is safe later
}

bool NewFile::publish() noexcept {
  // link(), not rename(): it never replaces a file.
  return sync_file(file_.get()) && ::link(temporary_.c_str(), path_.c_str()) == 0 && sync_folder(path_);
}

}  // namespace mosaik::runtime
