// How much memory a process may have, told by files of the kernel's form.

#include "runtime/memory_limit.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/limits.hpp"

namespace mosaik::runtime {
namespace {

class MemoryLimit : public testing::Test {
 protected:
  MemoryLimit() { write("proc/meminfo", "MemFree: 5 kB\nMemTotal:       16000 kB\nBuffers: 1 kB\n"); }
  ~MemoryLimit() override { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  [[nodiscard]] std::uint64_t limit() const { return memory_limit(root_ / "proc", root_ / "cgroup"); }

  const std::filesystem::path root_ =
      std::filesystem::path(testing::TempDir()) / ("memory-limit-" + std::to_string(::getpid()));
};

TEST_F(MemoryLimit, is_the_machines_memory_without_a_control_group) {
  EXPECT_EQ(limit(), 16000U * 1024);
}

TEST_F(MemoryLimit, is_the_least_of_the_control_group_and_those_above_it) {
  write("proc/self/cgroup", "0::/outer/inner\n");
  write("cgroup/outer/inner/memory.max", "max\n");
  EXPECT_EQ(limit(), 16000U * 1024);
  write("cgroup/outer/memory.max", "4096000\n");
  EXPECT_EQ(limit(), 4096000U);
  write("cgroup/outer/inner/memory.max", "1000000\n");
  EXPECT_EQ(limit(), 1000000U);
}

TEST_F(MemoryLimit, knows_control_groups_of_the_first_version) {
  write("proc/self/cgroup", "5:cpu:/x\n4:memory:/docker/a\n");
  write("cgroup/memory/docker/a/memory.limit_in_bytes", "2000000\n");
  EXPECT_EQ(limit(), 2000000U);
}

TEST(DefaultLogBytes, is_a_share_within_bounds) {
  EXPECT_GE(default_log_bytes(), limits::least_default_log_bytes);
  EXPECT_LE(default_log_bytes(), limits::log_bytes);
  EXPECT_LE(default_log_bytes(),
            std::max<std::uint64_t>(memory_limit() / limits::log_share, limits::least_default_log_bytes));
}

}  // namespace
}  // namespace mosaik::runtime
