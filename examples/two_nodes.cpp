/// Two nodes in one process find each other, bond, print the mesh, and part.
///
/// In real life each Network is a process of its own; then the first prints its contact(), and the second gets it as a
/// bootstrap peer.

#include <chrono>
#include <iostream>

#include <mosaik/mosaik.hpp>

namespace {

/// Prints what went wrong, if anything did.
template <class T>
bool worked(const char* what, const mosaik::Result<T>& result) {
  if (!result) std::cerr << what << ": " << result.error().message << '\n';
  return result.has_value();
}

void print_mesh(const mosaik::Bonds& bonds) {
  for (const mosaik::Bond& bond : bonds)
    std::cout << "bond " << bond.id() << ": " << bond.a() << " - " << bond.b() << ", " << to_string(bond.state())
              << '\n';
}

}  // namespace

int main() {
  using namespace std::chrono_literals;

  // A node needs no configuration to be found on one computer; here it listens on the loopback interface only.
  auto first = mosaik::Network::open({.network = "example", .listen = {"127.0.0.1:0"}});
  if (!worked("first node", first)) return 1;
  auto second =
      mosaik::Network::open({.network = "example", .bootstrap = {first->contact()}, .listen = {"127.0.0.1:0"}});
  if (!worked("second node", second)) return 1;

  // Whoever knows the key is a member. It never travels: each side proves to the other that it has it.
  const auto key = mosaik::GroupKey::random();
  auto ours = first->groups().with_key(key).join();
  auto theirs = second->groups().with_key(key).join();
  if (!worked("join", ours) || !worked("join", theirs)) return 1;

  // A future that completes when the bond is there. `then` and `co_await` work too.
  const auto bonds = ours->when().bonded_with(second->id()).get_for(20s);
  if (!bonds) {
    std::cerr << "no bond within 20 s\n";
    return 1;
  }
  if (!worked("bond", *bonds)) return 1;
  print_mesh(**bonds);

  // Leaving is said, not left to be noticed: the other side knows at once.
  const auto gone = ours->when().unbonded_from(second->id());
  theirs->leave();
  if (const auto after = gone.get_for(20s); !after || !worked("leave", *after)) return 1;
  std::cout << second->id() << " has left; " << ours->bonds().size() << " bonds remain\n";
}
