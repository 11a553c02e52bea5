#include "raft.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mosaik::fuzz::raft({data, size});
  return 0;
}
