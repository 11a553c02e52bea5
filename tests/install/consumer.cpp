// A program of somebody else, who has only the installed headers and the library.
#include <mosaik/id.hpp>

#include <iostream>

int main() {
  // The text rule: 64 hexadecimal digits are decoded, anything else is hashed.
  const mosaik::Digest decoded = mosaik::Digest::of(std::string(64, '7'));
  const mosaik::Digest hashed = mosaik::Digest::of("counter_v1");
  std::cout << hashed.hex() << '\n';
  return decoded.hex() == std::string(64, '7') && !hashed.is_zero() ? 0 : 1;
}
