#include "runtime/key_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "base/folder.hpp"

namespace mosaik::runtime {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view digits = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

class Files : public testing::Test {
 protected:
  [[nodiscard]] std::string path(std::string_view name = "key") const { return folder_ / name; }
  std::string write(std::string_view content, mode_t mode = 0600, std::string_view name = "key") {
    std::ofstream(path(name), std::ios::binary) << content;
    ::chmod(path(name).c_str(), mode);
    return path(name);
  }
  [[nodiscard]] std::string read(std::string_view name = "key") const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  test::Folder folder_;
};

class KeyFileTest : public Files {};
class SecretFileTest : public Files {};

TEST_F(KeyFileTest, makes_a_missing_file_that_only_its_owner_can_read) {
  const auto key = KeyFile::open(path());
  ASSERT_TRUE(key) << key.error().message;
  struct stat status{};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_EQ(read(), to_hex(key->seed()) + "\n");
  EXPECT_EQ(folder_.count(), 1U);  // no temporary file is left
}

TEST_F(KeyFileTest, makes_it_with_that_mode_under_any_umask) {
  const mode_t before = ::umask(0777);
  const auto key = KeyFile::open(path());
  ::umask(before);
  ASSERT_TRUE(key) << key.error().message;
  struct stat status{};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(KeyFileTest, gives_the_same_key_again) {
  Bytes32 first{};
  {
    const auto key = KeyFile::open(path());
    ASSERT_TRUE(key) << key.error().message;
    first = key->seed();
  }
  const auto again = KeyFile::open(path());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->seed(), first);
}

TEST_F(KeyFileTest, makes_another_key_for_another_file) {
  const auto one = KeyFile::open(path("one"));
  const auto two = KeyFile::open(path("two"));
  ASSERT_TRUE(one && two);
  EXPECT_NE(one->seed(), two->seed());
}

TEST_F(KeyFileTest, reads_either_case_with_and_without_a_newline) {
  Bytes32 expected{};
  ASSERT_TRUE(from_hex(digits, expected));
  for (const char* const end : {"", "\n"}) {
    const auto key = KeyFile::open(write(std::string(digits) + end));
    ASSERT_TRUE(key) << key.error().message;
    EXPECT_EQ(key->seed(), expected);
  }
}

TEST_F(KeyFileTest, refuses_a_damaged_file_and_leaves_it_as_it_is) {
  const std::string whole(digits);
  for (const std::string& content :
       {std::string(), whole.substr(1), whole + "0", whole + "\n\n", whole + "\r\n", " " + whole, "x" + whole.substr(1),
        whole + "\n" + whole, std::string(10'000, '0'), std::string(64, '\0')}) {
    const auto key = KeyFile::open(write(content));
    ASSERT_FALSE(key) << content;
    EXPECT_EQ(key.error().code, Errc::malformed);
    EXPECT_THAT(key.error().message, StartsWith("secret key file '" + path() + "' is damaged"));
    EXPECT_EQ(read(), content);
  }
}

TEST_F(KeyFileTest, refuses_a_file_that_others_may_open_and_says_what_to_run) {
  struct Case {
    mode_t mode;
    std::string_view words;
  };
  for (const Case& each :
       {Case{0644, "readable by everyone (mode 0644)"}, Case{0640, "readable by its group (mode 0640)"},
        Case{0602, "open to everyone (mode 0602)"}, Case{0610, "open to its group (mode 0610)"}}) {
    const auto key = KeyFile::open(write(digits, each.mode));
    ASSERT_FALSE(key) << each.words;
    EXPECT_EQ(key.error().code, Errc::permission);
    EXPECT_EQ(key.error().message,
              "secret key file '" + path() + "' is " + std::string(each.words) + "; run: chmod 600 " + path());
  }
}

TEST_F(KeyFileTest, accepts_a_file_that_even_its_owner_may_only_read) {
  EXPECT_TRUE(KeyFile::open(write(digits, 0400)));
}

TEST_F(KeyFileTest, is_for_one_node_at_a_time) {
  auto first = KeyFile::open(path());
  ASSERT_TRUE(first);
  const auto second = KeyFile::open(path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::in_use);
  EXPECT_THAT(second.error().message, StartsWith("secret key file '" + path() + "' is in use by another node"));
  const KeyFile moved = std::move(*first);
  EXPECT_FALSE(KeyFile::open(path()));  // the lock has moved along
}

TEST_F(KeyFileTest, one_of_many_that_come_at_once_gets_it) {
  std::atomic<int> got = 0;
  std::atomic<int> refused = 0;
  std::vector<std::optional<KeyFile>> held(8);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : held)
      threads.emplace_back([&] {
        auto key = KeyFile::open(path());
        if (key) {
          ++got;
          mine = std::move(*key);
        } else if (key.error().code == Errc::in_use) {
          ++refused;
        }
      });
  }
  EXPECT_EQ(got, 1);
  EXPECT_EQ(refused, 7);
  EXPECT_EQ(folder_.count(), 1U);
}

TEST_F(KeyFileTest, create_never_replaces_a_file) {
  write("precious");
  const auto key = KeyFile::create(path());
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Errc::in_use);
  EXPECT_EQ(read(), "precious");
  EXPECT_EQ(folder_.count(), 1U);
}

TEST_F(KeyFileTest, says_what_is_wrong_with_the_place) {
  const auto missing = KeyFile::open(path("no/such/folder"));
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("cannot be created: No such file or directory"));
  const auto folder = KeyFile::open(folder_.path());
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, Errc::invalid_argument);
}

TEST_F(KeyFileTest, is_not_held_up_by_a_pipe) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  const auto key = KeyFile::open(path());
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code, Errc::invalid_argument);
}

TEST_F(KeyFileTest, link_that_leads_nowhere__is_not_written_through) {
  ASSERT_EQ(::symlink(path("target").c_str(), path().c_str()), 0);
  EXPECT_FALSE(KeyFile::open(path()));
  EXPECT_FALSE(KeyFile::create(path()));
  struct stat status{};
  EXPECT_NE(::lstat(path("target").c_str(), &status), 0);
  EXPECT_EQ(folder_.count(), 1U);
}

TEST_F(SecretFileTest, is_not_held_up_by_a_pipe) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  const auto secret = read_secret_file("group secret file", path());
  ASSERT_FALSE(secret);
  EXPECT_EQ(secret.error().code, Errc::invalid_argument);
  EXPECT_EQ(secret.error().message, "group secret file '" + path() + "' is not a file but a FIFO; name a file");
}

TEST_F(SecretFileTest, mounted_as_a_link__is_read) {
  ASSERT_EQ(::symlink(write("s3cret", 0600, "data").c_str(), path().c_str()), 0);
  const auto secret = read_secret_file("group secret file", path());
  ASSERT_TRUE(secret) << secret.error().message;
  EXPECT_EQ(secret->text(), "s3cret");
}

TEST_F(SecretFileTest, drops_one_newline_and_nothing_else) {
  const auto read_back = [&](std::string_view content) {
    const auto secret = read_secret_file("group secret file", write(content));
    return secret ? std::string(secret->text()) : "error: " + secret.error().message;
  };
  EXPECT_EQ(read_back("s3cret"), "s3cret");
  EXPECT_EQ(read_back("s3cret\n"), "s3cret");
  EXPECT_EQ(read_back("s3cret\n\n"), "s3cret\n");
  EXPECT_EQ(read_back(" s3cret \r\n"), " s3cret \r");
}

TEST_F(SecretFileTest, refuses_an_empty_secret) {
  for (const char* const content : {"", "\n"}) {
    const auto secret = read_secret_file("group secret file", write(content));
    ASSERT_FALSE(secret);
    EXPECT_EQ(secret.error().code, Errc::invalid_argument);
    EXPECT_THAT(secret.error().message, HasSubstr("is empty"));
  }
}

TEST_F(SecretFileTest, refuses_a_file_that_is_too_long_to_be_a_secret) {
  EXPECT_TRUE(read_secret_file("group secret file", write(std::string(secret_file_bytes, 'x'))));
  const auto secret = read_secret_file("group secret file", write(std::string(secret_file_bytes + 1, 'x')));
  ASSERT_FALSE(secret);
  EXPECT_EQ(secret.error().code, Errc::limit);
}

TEST_F(SecretFileTest, names_a_missing_file) {
  const auto secret = read_secret_file("group secret file", path("nowhere"));
  ASSERT_FALSE(secret);
  EXPECT_EQ(secret.error().code, Errc::not_found);
  EXPECT_THAT(secret.error().message, StartsWith("group secret file '" + path("nowhere") + "' does not exist"));
}

TEST_F(SecretFileTest, gives_a_command_that_a_shell_understands) {
  const auto secret = read_secret_file("group secret file", write("x", 0644, "it's a key"));
  ASSERT_FALSE(secret);
  EXPECT_THAT(secret.error().message, EndsWith("; run: chmod 600 '" + folder_.path() + "/it'\\''s a key'"));
}

TEST(Secret, is_gone_after_a_move) {
  Secret one(3);
  one.bytes()[0] = 'k';
  const Secret two = std::move(one);
  EXPECT_EQ(two.text().front(), 'k');
  EXPECT_TRUE(one.text().empty());  // NOLINT(bugprone-use-after-move)
}

}  // namespace
}  // namespace mosaik::runtime
