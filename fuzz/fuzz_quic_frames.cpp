/// Completes the handshake with an endpoint, as dialer or as the dialed end, and then sends what the input says: frames
/// of all types, replays, strange packet numbers and addresses, with the grammar of sim::Attacker.

#include <cstdio>
#include <cstdlib>

#include "quic/campaign.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mosaik::quic::test::Campaign campaign;
  mosaik::sim::FuzzedChoices choices({data, size});
  campaign.attack(choices);
  if (const std::string wrong = campaign.verdict(); !wrong.empty()) {
    std::fprintf(stderr, "%s\n", wrong.c_str());
    std::abort();
  }
  return 0;
}
