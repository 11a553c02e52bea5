// A program of somebody else, who has only the installed headers and the library.
#include <mosaik/mosaik.hpp>

#include <iostream>

int main() {
  // The text rule: 64 hexadecimal digits are decoded, anything else is hashed.
  const mosaik::Digest decoded = mosaik::Digest::of(std::string(64, '7'));
  const mosaik::Digest hashed = mosaik::Digest::of("counter_v1");
  // Reaches every library underneath, and ends before a socket is opened.
  const auto network = mosaik::Network::open({.network = "consumer", .listen = {"no address"}});
  std::cout << hashed.hex() << '\n' << (network ? "opened" : network.error().message) << '\n';
  return decoded.hex() == std::string(64, '7') && !hashed.is_zero() && !network ? 0 : 1;
}
