#include "runtime/key_file.hpp"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "runtime/entropy.hpp"

namespace mosaik::runtime {
namespace {

constexpr std::string_view what = "secret key file";
constexpr std::size_t digits = 64;
constexpr std::string_view elsewhere = "make room there, or name a place where this user may write";

std::string named(const std::string& path) {
  return std::string(what) + " '" + path + "' ";
}

std::string reason(int error) {
  return std::generic_category().message(error);
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<> lock(const std::string& path, const Descriptor& file) {
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return {};
  if (errno == EWOULDBLOCK)
    return fail(Errc::in_use, named(path) + "is in use by another node; stop it, or give this node a file of its own");
  return fail(Errc::io, named(path) + "cannot be locked: " + reason(errno));
}

/// Removes the temporary name, whatever becomes of the file.
class TemporaryName {
 public:
  explicit TemporaryName(std::string path) : path_(std::move(path)) {}
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;
  ~TemporaryName() { ::unlink(path_.c_str()); }
  [[nodiscard]] const char* c_str() const noexcept { return path_.c_str(); }

 private:
  std::string path_;
};

bool write_seed(int fd, const Bytes32& seed) {
  std::string text = to_hex(seed) + "\n";
  const bool out = write_all(fd, text) && ::fsync(fd) == 0;
  ::explicit_bzero(text.data(), text.size());
  return out;
}

/// The name of a new file is on disk only when its folder is.
bool sync_folder(const std::string& path) {
  const Descriptor folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder && (::fsync(folder.get()) == 0 || errno == EINVAL);  // EINVAL: this file system has nothing to sync
}

}  // namespace

Result<KeyFile> KeyFile::open(const std::string& path) {
  // Two turns: the file may appear between looking for it and making it, and then it is the other maker's.
  for (int turn = 0; turn < 2; ++turn) {
    auto loaded = load(path);
    if (loaded || loaded.error().code != Errc::not_found) return loaded;
    auto made = create(path);
    if (made || made.error().code != Errc::in_use) return made;
  }
  return load(path);
}

Result<KeyFile> KeyFile::load(const std::string& path) {
  auto file = open_secret_file(what, path);
  if (!file) return std::unexpected(file.error());
  if (auto locked = lock(path, *file); !locked) return std::unexpected(locked.error());
  const auto content = read_secret(what, path, *file);
  if (!content && content.error().code != Errc::limit) return std::unexpected(content.error());
  Bytes32 seed{};
  std::string_view text = content ? content->text() : std::string_view{};
  if (text.size() == digits + 1 && text.ends_with('\n')) text.remove_suffix(1);
  if (!from_hex(text, seed))
    return fail(Errc::malformed, named(path) +
                                     "is damaged (it should hold 64 hexadecimal digits); restore it from a "
                                     "backup, or move it away to get a new identity");
  KeyFile out(std::move(*file), seed);
  ::explicit_bzero(seed.data(), seed.size());
  return out;
}

Result<KeyFile> KeyFile::create(const std::string& path) {
  Bytes32 suffix = random_bytes32();
  const TemporaryName temporary(path + "." + to_hex(suffix).substr(0, 16) + ".tmp");
  Descriptor file(::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (!file) {
    const int error = errno;
    const Errc code = error == EACCES || error == EROFS ? Errc::permission : Errc::io;
    return fail(code, named(path) + "cannot be created: " + reason(error) + "; " +
                          (error == ENOENT ? "make its folder first: mkdir -p " + shell_word(folder_of(path))
                                           : std::string(elsewhere)));
  }
  // Locked before it has its name: nobody can be quicker.
  if (auto locked = lock(path, file); !locked) return std::unexpected(locked.error());
  Bytes32 seed = random_bytes32();
  KeyFile out(std::move(file), seed);
  ::explicit_bzero(seed.data(), seed.size());
  // The mode again: open() took the umask away from it, and a umask can also take the owner's own rights.
  if (::fchmod(out.file_.get(), S_IRUSR | S_IWUSR) != 0 || !write_seed(out.file_.get(), out.seed_))
    return fail(Errc::io, named(path) + "cannot be written: " + reason(errno) + "; " + std::string(elsewhere));
  // link, not rename: it never replaces a file.
  if (::link(temporary.c_str(), path.c_str()) != 0) {
    if (errno == EEXIST) return fail(Errc::in_use, named(path) + "exists already; move it away, or name another");
    return fail(Errc::io, named(path) + "cannot be created: " + reason(errno) + "; " + std::string(elsewhere));
  }
  if (!sync_folder(path))
    return fail(Errc::io, named(path) + "cannot be written to disk: " + reason(errno) + "; " + std::string(elsewhere));
  return out;
}

KeyFile::KeyFile(KeyFile&& other) noexcept : file_(std::move(other.file_)), seed_(other.seed_) {
  ::explicit_bzero(other.seed_.data(), other.seed_.size());
}

KeyFile& KeyFile::operator=(KeyFile&& other) noexcept {
  file_ = std::move(other.file_);
  std::swap(seed_, other.seed_);
  return *this;
}

KeyFile::~KeyFile() {
  ::explicit_bzero(seed_.data(), seed_.size());
}

}  // namespace mosaik::runtime
