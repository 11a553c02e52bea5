#include "posix/descriptor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace mosaik {
namespace {

TEST(DescriptorTest, is_never_that_of_a_standard_stream) {
  const int kept = ::dup(STDIN_FILENO);
  ASSERT_GT(kept, STDERR_FILENO);
  ::close(STDIN_FILENO);
  const int lowest = ::open("/dev/null", O_RDONLY);  // takes the lowest free number
  EXPECT_EQ(lowest, STDIN_FILENO);
  {
    const Descriptor moved(lowest);
    EXPECT_GT(moved.get(), STDERR_FILENO);
    EXPECT_EQ(::fcntl(STDIN_FILENO, F_GETFD), -1);
    EXPECT_EQ(::fcntl(moved.get(), F_GETFD), FD_CLOEXEC);
  }
  EXPECT_EQ(::dup2(kept, STDIN_FILENO), STDIN_FILENO);
  ::close(kept);
}

TEST(DescriptorTest, of_nothing_is_nothing) {
  EXPECT_FALSE(Descriptor(-1));
  EXPECT_FALSE(Descriptor());
}

}  // namespace
}  // namespace mosaik
