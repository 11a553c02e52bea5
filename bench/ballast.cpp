// A node with weight, for bench/processes.py: it holds memory, and may have a forked child.
//
//   ballast NETWORK BOOTSTRAP-CONTACT MEGABYTES none|fork       prints its id when it is in the group

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <mosaik/mosaik.hpp>

int main(int count, char** words) {
  if (count != 5) return 2;
  const char* const secret = std::getenv("MOSAIK_GROUP_SECRET");
  if (secret == nullptr) return 2;
  std::vector<char> weight(std::strtoull(words[3], nullptr, 10) << 20U, 'x');  // written, so resident
  auto network = mosaik::Network::open({.network = words[1], .bootstrap = {words[2]}, .listen = {"127.0.0.1:0"}});
  if (!network) return 1;
  auto group = network->groups().with_key(mosaik::GroupKey::from_secret(secret)).join();
  if (!group) return 1;
  if (std::strcmp(words[4], "fork") == 0 && ::fork() == 0) {
    // Ends when the bench closes its side of standard input, long after its parent's death.
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) > 0) {
    }
    ::_exit(weight.front() == 'x' ? 0 : 1);
  }
  std::printf("%s\n", network->id().hex().c_str());
  std::fflush(stdout);
  ::pause();
  return 0;
}
