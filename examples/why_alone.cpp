/// A node that nobody bonds with says why: here, because it was given another secret.
///
/// status() is what a person asks at night, and what a program shows on its own page: plain values and whole sentences.

#include <chrono>
#include <iostream>

#include <mosaik/mosaik.hpp>

int main() {
  using namespace std::chrono_literals;
  auto one = mosaik::Network::open({.network = "example", .listen = {"127.0.0.1:0"}});
  if (!one) return 1;
  auto other = mosaik::Network::open({.network = "example", .bootstrap = {one->contact()}, .listen = {"127.0.0.1:0"}});
  if (!other) return 1;

  auto group = one->groups().with_key(mosaik::GroupKey::from_secret("the secret")).join();
  auto lonely = other->groups().with_key(mosaik::GroupKey::from_secret("a typing error")).join();
  if (!group || !lonely) return 1;

  if (lonely->when().online().get_for(2s)) return 1;
  const mosaik::GroupStatus status = lonely->status();
  std::cout << "the group is " << to_string(status.health) << '\n';
  for (const std::string& reason : status.reasons) std::cout << reason << '\n';
  return status.reasons.empty() ? 1 : 0;
}
