#include "runtime/key_file.hpp"

#include <sys/file.h>

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "runtime/entropy.hpp"
#include "runtime/own_file.hpp"

namespace mosaik::runtime {
namespace {

constexpr std::string_view what = "secret key file";
constexpr FileKind kind{.what = what, .unfit = {}, .unfit_help = {}, .access_help = {}};
constexpr std::size_t digits = 64;
constexpr std::string_view elsewhere = "make room there, or name a place where this user may write";

std::string reason(int error) {
  return std::generic_category().message(error);
}

Result<> lock(const std::string& path, const Descriptor& file) {
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return {};
  if (errno == EWOULDBLOCK)
    return fail(Errc::in_use,
                named(kind, path) + "is in use by another node; stop it, or give this node a file of its own");
  return fail(Errc::io, named(kind, path) + "cannot be locked: " + reason(errno));
}

bool write_seed(NewFile& file, const Bytes32& seed) {
  constexpr std::string_view hexadecimal = "0123456789abcdef";
  Secret text(digits + 1);
  const auto out = text.bytes();
  for (std::size_t i = 0; i < seed.size(); ++i) {
    out[2 * i] = static_cast<std::uint8_t>(hexadecimal[seed[i] >> 4U]);
    out[2 * i + 1] = static_cast<std::uint8_t>(hexadecimal[seed[i] & 15U]);
  }
  out[digits] = '\n';
  return file.write(text.text());
}

std::unexpected<Error> cannot(const std::string& path, std::string_view verb) {
  return fail(Errc::io, named(kind, path) + "cannot be " + std::string(verb) + ": " + reason(errno) + "; " +
                            std::string(elsewhere));
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
  KeyFile out;
  std::string_view text = content ? content->text() : std::string_view{};
  if (text.size() == digits + 1 && text.ends_with('\n')) text.remove_suffix(1);
  if (!from_hex(text, *out.seed_))
    return fail(Errc::malformed, named(kind, path) +
                                     "is damaged (it should hold 64 hexadecimal digits); restore it from a "
                                     "backup, or move it away to get a new identity");
  out.file_ = std::move(*file);
  return out;
}

Result<KeyFile> KeyFile::create(const std::string& path) {
  // A name of its own: of many that come at once, none takes the file of another for one that a crash has left.
  auto file = NewFile::create(kind, path, "." + to_hex(random_bytes32()).substr(0, 16) + ".tmp");
  if (!file) {
    const auto& [code, message] = file.error();
    return fail(code == Errc::not_found || code == Errc::limit ? Errc::io : code,
                message + "; " +
                    (code == Errc::not_found ? "make its folder first: mkdir -p " + shell_word(folder_of(path))
                                             : std::string(elsewhere)));
  }
  // Locked before it has its name: nobody can be quicker.
  if (auto locked = lock(path, file->descriptor()); !locked) return std::unexpected(locked.error());
  KeyFile out;
  fill_random(*out.seed_);
  if (!write_seed(*file, *out.seed_)) return cannot(path, "written");
  if (!file->publish()) {
    if (errno == EEXIST) return fail(Errc::in_use, named(kind, path) + "exists already; move it away, or name another");
    return cannot(path, "written to disk");
  }
  out.file_ = file->take();
  return out;
}

}  // namespace mosaik::runtime
