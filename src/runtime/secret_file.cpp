#include "runtime/secret_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "crypto/hash.hpp"
#include "runtime/own_file.hpp"

namespace mosaik::runtime {
namespace {

/// Symbolic links are followed: mounted secrets are links.
FileKind secret_kind(std::string_view what) {
  return {.what = what,
          .unfit = "is not a file",
          .unfit_help = "name a file",
          .access_help = "name a file that this user may read",
          .links = FileKind::Links::followed,
          .owners = FileKind::Owners::any_for_root};
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

Secret Secret::of(std::string_view text) {
  Secret out(text.size());
  std::ranges::copy(text, out.bytes().begin());
  return out;
}

void Secret::shorten(std::size_t size) noexcept {
  if (size >= size_) return;
  crypto::wipe(bytes().subspan(size));
  size_ = size;
}

Result<Descriptor> open_secret_file(std::string_view what, const std::string& path) {
  const FileKind kind = secret_kind(what);
  auto file = open_own_file(kind, path);
  if (!file) return std::unexpected(file.error());
  if (const auto others = readers(file->mode); !others.empty())
    return fail(Errc::permission, named(kind, path) + "is " + std::string(verb(file->mode)) + std::string(others) +
                                      " (mode " + octal(file->mode) + "); run: chmod 600 " + shell_word(path));
  return std::move(file->descriptor);
}

Result<Secret> read_secret(std::string_view what, const std::string& path, const Descriptor& file) {
  Secret out(secret_file_bytes + 1);
  std::size_t size = 0;
  while (size <= secret_file_bytes) {
    const ssize_t got =
        ::pread(file.get(), out.bytes().data() + size, secret_file_bytes + 1 - size, static_cast<off_t>(size));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return fail(Errc::io,
                  named(secret_kind(what), path) + "cannot be read: " + std::generic_category().message(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > secret_file_bytes)
    return fail(Errc::limit, named(secret_kind(what), path) + "is longer than " + std::to_string(secret_file_bytes) +
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
    return fail(Errc::invalid_argument, named(secret_kind(what), path) + "is empty; write the secret into it");
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
