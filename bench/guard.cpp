/// guard: what reading a decrypted packet costs before QUIC acts on it (src/transport/quic/tls/frame_guard.hpp). Prints
/// nanoseconds a packet and a byte: median, minimum and maximum of 31 rounds.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "transport/quic/tls/frame_guard.hpp"

namespace {

using namespace mosaik;
using Bytes = std::vector<std::uint8_t>;

constexpr int rounds = 31;
constexpr int packets = 20'000;

Bytes repeated(const Bytes& frame, std::size_t size) {
  Bytes out;
  while (out.size() + frame.size() <= size) out.insert(out.end(), frame.begin(), frame.end());
  return out;
}

/// Nanoseconds a packet, in each round.
std::vector<double> measure(const Bytes& frames) {
  std::vector<double> out;
  for (int round = 0; round < rounds; ++round) {
    quic::FrameGuard guard(Side::acceptor, 7);
    std::array<std::uint8_t, 12> nonce{};
    std::array<std::uint8_t, 13> header{0x43};
    Bytes packet = frames;
    const int key = 0;
    std::uint64_t passed = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (std::uint32_t number = 0; number < packets; ++number) {
      for (std::size_t i = 0; i < 4; ++i)
        nonce[8 + i] = header[9 + i] = static_cast<std::uint8_t>(number >> (8 * (3 - i)));
      // A NEW_CONNECTION_ID that was overwritten must be there again.
      if (frames[0] == 0x18) std::ranges::copy(frames, packet.begin());
      passed += guard.inspect({.key = &key, .nonce = nonce, .header = header, .frames = packet}).fresh ? 1U : 0U;
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    if (passed != packets) std::printf("a packet did not pass\n");
    out.push_back(took.count() / packets);
  }
  std::ranges::sort(out);
  return out;
}

void print(const std::string& name, const Bytes& frames) {
  const std::vector<double> took = measure(frames);
  const auto size = static_cast<double>(frames.size());
  std::printf("%-44s %6zu bytes  %8.1f / %8.1f / %8.1f ns a packet  %6.2f ns a byte\n", name.c_str(), frames.size(),
              took[rounds / 2], took.front(), took.back(), took[rounds / 2] / size);
}

}  // namespace

int main() {
  Bytes issue = {0x18, 1, 0, 8};
  issue.resize(28, 9);
  Bytes ack_and_stream = {0x02, 0x44, 0x00, 0x40, 0x80, 1, 3, 2, 9, 0x0e, 0, 0x80, 1, 0, 0, 0x40, 200};
  ack_and_stream.resize(ack_and_stream.size() + 200, 'x');
  Bytes ranges = {0x02, 0x80, 0, 0x40, 0, 0, 0x42, 0x00, 0};
  for (int i = 0; i < 512; ++i) ranges.insert(ranges.end(), {0, 0});
  std::printf("median / minimum / maximum of %d rounds of %d packets\n", rounds, packets);
  print("ACK and STREAM", ack_and_stream);
  print("PING", {0x01});
  print("1,200 bytes of PING", repeated({0x01}, 1200));
  print("1,200 bytes of PADDING", Bytes(1200, 0));
  print("an ACK with 512 ranges", ranges);
  print("1,200 bytes of MAX_DATA", repeated({0x10, 1}, 1200));
  print("1,200 bytes of PATH_CHALLENGE", repeated({0x1a, 1, 2, 3, 4, 5, 6, 7, 8}, 1200));
  print("1,200 bytes of RESET_STREAM", repeated({0x04, 0, 1, 2}, 1200));
  print("1,200 bytes of empty STREAM", repeated({0x0a, 0, 0}, 1200));
  print("one NEW_CONNECTION_ID, again and again", issue);
  print("1,200 bytes of one NEW_CONNECTION_ID", repeated(issue, 1200));
  return 0;
}
