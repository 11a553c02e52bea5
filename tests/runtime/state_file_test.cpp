#include "runtime/state_file.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "base/folder.hpp"
#include "base/limits.hpp"
#include "posix/descriptor.hpp"

namespace mosaik::runtime {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Wall now{1'795'354'300'000};

class StateFile : public testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return folder_ / "state"; }

  test::Folder folder_;
};

TEST_F(StateFile, gives_back_what_was_kept) {
  const node::Memory memory{.started = 1'795'354'209'769,
                            .entries = {{1, 2, 0xff}, {}},
                            .met = {{PeerId(Bytes32{9}), SocketAddress::v4({192, 0, 2, 7}, 7820)},
                                    {PeerId(Bytes32{8}), SocketAddress::v6({1}, 1)}},
                            .group_sizes = {{GroupId(Bytes32{7}), 5}}};
  ASSERT_TRUE(save_state(path(), memory).has_value());
  const auto loaded = load_state(path(), now);
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->memory, memory);
  EXPECT_THAT(loaded->warnings, IsEmpty());
  EXPECT_EQ(folder_.count(), 1U) << "nothing is left beside it";
}

TEST_F(StateFile, that_is_missing_or_empty_is_an_empty_memory) {
  for (const bool made : {false, true}) {
    if (made) std::ofstream(path()).flush();
    const auto loaded = load_state(path(), now);
    ASSERT_TRUE(loaded.has_value());
    EXPECT_EQ(loaded->memory, node::Memory{});
    EXPECT_THAT(loaded->warnings, IsEmpty());
  }
}

TEST_F(StateFile, leaves_out_what_it_cannot_read_and_names_the_first_such_line) {
  const Recalled recalled = parse_state(
      "mosaik state 1\nstarted 12\npeer 0g\npeer 0102\nstarted -4\nflavour 7\ngroup 12 3\nmet 12 1.2.3.4:5\npeer 010",
      "/x/state", now);
  EXPECT_EQ(recalled.memory.started, 12);
  ASSERT_THAT(recalled.memory.entries, SizeIs(1));
  EXPECT_EQ(recalled.memory.entries[0], (std::vector<std::uint8_t>{1, 2}));
  ASSERT_THAT(recalled.warnings, SizeIs(1));
  EXPECT_THAT(recalled.warnings[0], HasSubstr("'/x/state': line 3"));
}

TEST_F(StateFile, of_another_kind_is_not_read) {
  const Recalled recalled = parse_state("mosaik state 2\nstarted 12\n", "/x/state", now);
  EXPECT_EQ(recalled.memory, node::Memory{});
  ASSERT_THAT(recalled.warnings, SizeIs(1));
  EXPECT_THAT(recalled.warnings[0], HasSubstr("/x/state"));
}

TEST_F(StateFile, holds_a_bounded_number_of_peers) {
  std::string text = "mosaik state 1\n";
  for (std::size_t i = 0; i <= limits::peer_cache; ++i) text += "peer 01\n";
  const Recalled recalled = parse_state(text, "x", now);
  EXPECT_THAT(recalled.memory.entries, SizeIs(limits::peer_cache));
  EXPECT_THAT(recalled.warnings, SizeIs(1));
}

TEST_F(StateFile, that_is_a_folder_or_too_long_is_refused_by_name) {
  std::filesystem::create_directory(path());
  const auto folder = load_state(path(), now);
  ASSERT_FALSE(folder.has_value());
  EXPECT_THAT(folder.error().message, HasSubstr(path()));
  std::filesystem::remove(path());
  std::ofstream(path()).flush();
  std::filesystem::resize_file(path(), state_file_bytes + 1);
  const auto huge = load_state(path(), now);
  ASSERT_FALSE(huge.has_value());
  EXPECT_EQ(huge.error().code, Errc::limit);
}

TEST_F(StateFile, with_a_start_in_the_future__keeps_all_but_that) {
  const std::int64_t latest = now.milliseconds + limits::clock_drift / 1ms;
  EXPECT_EQ(parse_state("mosaik state 1\nstarted " + std::to_string(latest), "x", now).memory.started, latest);
  for (const std::int64_t started : {latest + 1, std::numeric_limits<std::int64_t>::max()}) {
    const Recalled recalled =
        parse_state("mosaik state 1\nstarted " + std::to_string(started) + "\npeer 01\n", "/x/state", now);
    EXPECT_EQ(recalled.memory.started, 0);
    EXPECT_THAT(recalled.memory.entries, SizeIs(1));
    ASSERT_THAT(recalled.warnings, SizeIs(1));
    EXPECT_THAT(recalled.warnings[0], HasSubstr("later than this computer's clock"));
  }
}

TEST_F(StateFile, link_under_the_temporary_name__its_target_is_untouched) {
  const std::string victim = folder_ / "victim";
  std::ofstream(victim) << "precious";
  std::filesystem::create_symlink(victim, path() + ".tmp");
  const node::Memory memory{.started = 7};
  ASSERT_TRUE(save_state(path(), memory).has_value());
  EXPECT_EQ(load_state(path(), now)->memory, memory);
  std::string content;
  std::getline(std::ifstream(victim), content);
  EXPECT_EQ(content, "precious");
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(path() + ".tmp")));
}

TEST_F(StateFile, rest_of_a_crash_under_the_temporary_name__is_replaced) {
  std::ofstream(path() + ".tmp") << "half a sta";
  ASSERT_EQ(::chmod((path() + ".tmp").c_str(), 0), 0);
  ASSERT_TRUE(save_state(path(), {}).has_value());
  struct stat events{};
  ASSERT_EQ(::stat(path().c_str(), &events), 0);
  EXPECT_EQ(events.st_mode & 07777U, 0600U);
  EXPECT_EQ(folder_.count(), 1U);
}

TEST_F(StateFile, folder_under_the_temporary_name__is_named_in_the_error) {
  std::filesystem::create_directory(path() + ".tmp");
  const auto saved = save_state(path(), {});
  ASSERT_FALSE(saved.has_value());
  EXPECT_THAT(saved.error().message, HasSubstr("'" + path() + ".tmp' is in its way"));
}

TEST_F(StateFile, link_in_its_place__is_refused_and_never_followed) {
  const std::string victim = folder_ / "victim";
  std::ofstream(victim) << "mosaik state 1\nstarted 5\n";
  std::filesystem::create_symlink(victim, path());
  const auto loaded = load_state(path(), now);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_THAT(loaded.error().message, HasSubstr("'" + path() + "' is no state file but a symbolic link; move it away"));
  ASSERT_TRUE(save_state(path(), {}).has_value());
  EXPECT_FALSE(std::filesystem::is_symlink(path()));
  std::string content;
  std::getline(std::ifstream(victim), content);
  EXPECT_EQ(content, "mosaik state 1");
}

TEST_F(StateFile, fifo_or_socket_in_its_place__is_refused_without_waiting) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  const auto fifo = load_state(path(), now);
  ASSERT_FALSE(fifo.has_value());
  EXPECT_THAT(fifo.error().message, HasSubstr("is no state file but a FIFO"));
  std::filesystem::remove(path());
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const auto bound = load_state(path(), now);
  ASSERT_FALSE(bound.has_value());
  EXPECT_THAT(bound.error().message, HasSubstr("is no state file but a socket"));
}

TEST_F(StateFile, of_another_user__is_not_read_and_is_replaced) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  std::ofstream(path()) << "mosaik state 1\nstarted 5\n";
  ASSERT_EQ(::chown(path().c_str(), 65534, 65534), 0);
  const auto loaded = load_state(path(), now);
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(loaded->memory, node::Memory{});
  ASSERT_THAT(loaded->warnings, SizeIs(1));
  EXPECT_THAT(loaded->warnings[0], HasSubstr("belongs to another user (uid 65534)"));
  ASSERT_TRUE(save_state(path(), {}).has_value());
  EXPECT_THAT(load_state(path(), now)->warnings, IsEmpty());
}

TEST_F(StateFile, that_cannot_be_written_is_an_error_with_its_name) {
  const auto saved = save_state(path() + "/in/nowhere", {});
  ASSERT_FALSE(saved.has_value());
  EXPECT_THAT(saved.error().message, HasSubstr("/in/nowhere"));
}

}  // namespace
}  // namespace mosaik::runtime
