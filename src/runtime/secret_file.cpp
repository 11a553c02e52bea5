#include "runtime/secret_file.hpp"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace mosaik::runtime {
namespace {

std::string named(std::string_view what, const std::string& path) {
  return std::string(what) + " '" + path + "' ";
}

std::string octal(mode_t mode) {
  std::array<char, 16> out{};
  std::snprintf(out.data(), out.size(), "%04o", static_cast<unsigned>(mode & 07777U));
  return out.data();
}

/// Whom the mode lets in beside the owner; empty for nobody.
std::string_view readers(mode_t mode) {
  if ((mode & S_IRWXO) != 0) return "everyone";
  if ((mode & S_IRWXG) != 0) return "its group";
  return {};
}

std::string_view verb(mode_t mode) {
  return (mode & (S_IRGRP | S_IROTH)) != 0 ? "readable by " : "open to ";
}

}  // namespace

Secret& Secret::operator=(Secret&& other) noexcept {
  shorten(0);
  bytes_ = std::exchange(other.bytes_, {});
  return *this;
}

Secret::~Secret() {
  shorten(0);
}

void Secret::shorten(std::size_t size) noexcept {
  if (size >= bytes_.size()) return;
  ::explicit_bzero(bytes_.data() + size, bytes_.size() - size);
  bytes_.resize(size);
}

Result<Descriptor> open_secret_file(std::string_view what, const std::string& path) {
  // O_NONBLOCK: a FIFO without a writer must not hold us up. Symbolic links are followed: mounted secrets are links.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) {
    const std::string reason = std::generic_category().message(errno);
    if (errno == ENOENT) return fail(Errc::not_found, named(what, path) + "does not exist; create it, or name another");
    return fail(errno == EACCES ? Errc::permission : Errc::io,
                named(what, path) + "cannot be opened: " + reason + "; name a file that this user may read");
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0)
    return fail(Errc::io, named(what, path) + "cannot be examined: " + std::generic_category().message(errno));
  if (!S_ISREG(status.st_mode)) return fail(Errc::invalid_argument, named(what, path) + "is not a file; name a file");
  if (const auto others = readers(status.st_mode); !others.empty())
    return fail(Errc::permission, named(what, path) + "is " + std::string(verb(status.st_mode)) + std::string(others) +
                                      " (mode " + octal(status.st_mode) + "); run: chmod 600 " + shell_word(path));
  return file;
}

Result<Secret> read_secret(std::string_view what, const std::string& path, const Descriptor& file) {
  Secret out(secret_file_bytes + 1);
  std::size_t size = 0;
  while (size <= secret_file_bytes) {
    const ssize_t got = ::pread(file.get(), out.data() + size, secret_file_bytes + 1 - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Errc::io, named(what, path) + "cannot be read: " + std::generic_category().message(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > secret_file_bytes)
    return fail(Errc::limit, named(what, path) + "is longer than " + std::to_string(secret_file_bytes) +
                                 " bytes; name the right file");
  out.shorten(size);
  return out;
}

Result<Secret> read_secret_file(std::string_view what, const std::string& path) {
  const auto file = open_secret_file(what, path);
  if (!file) return std::unexpected(file.error());
  auto out = read_secret(what, path, *file);
  if (!out) return out;
  if (out->text().ends_with('\n')) out->shorten(out->text().size() - 1);
  if (out->text().empty())
    return fail(Errc::invalid_argument, named(what, path) + "is empty; write the secret into it");
  return out;
}

std::string shell_word(std::string_view path) {
  const bool plain = !path.empty() && std::ranges::all_of(path, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+@%,=:").find(c) != std::string_view::npos;
  });
  if (plain) return std::string(path);
  std::string out = "'";
  for (const char c : path) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace mosaik::runtime
