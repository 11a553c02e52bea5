#include "base/blob.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace mosaik {
namespace {

TEST(Blob, takes_large_bytes_without_a_copy_and_keeps_them_for_its_slices) {
  std::vector<std::uint8_t> bytes(Blob::copied_most + 1, 7);
  const std::uint8_t* const place = bytes.data();
  std::optional<Blob> blob = Blob::take(std::move(bytes));
  EXPECT_EQ(blob->view().data(), place);
  const Blob slice = blob->slice(blob->view().last(1));
  blob.reset();
  EXPECT_EQ(slice.view().data(), place + Blob::copied_most);
  EXPECT_EQ(slice.view().front(), 7);
}

TEST(Blob, copies_small_bytes_and_those_in_a_vector_with_much_room_to_spare) {
  std::vector<std::uint8_t> small(Blob::copied_most, 1);
  std::vector<std::uint8_t> roomy(2 * Blob::copied_most, 2);
  roomy.reserve(4 * Blob::copied_most);
  for (auto* bytes : {&small, &roomy}) {
    const std::vector<std::uint8_t> same = *bytes;
    const std::uint8_t* const place = bytes->data();
    const Blob blob = Blob::take(std::move(*bytes));
    EXPECT_NE(blob.view().data(), place);
    EXPECT_EQ(blob, Blob::copy(same));
  }
  EXPECT_TRUE(Blob::take({}).empty());
}

}  // namespace
}  // namespace mosaik
