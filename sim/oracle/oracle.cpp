#include "sim/oracle/oracle.hpp"

namespace mosaik::sim {

Life& Truth::born(const Host& host, const Now&, Mono time) {
  Life& life = lives_.emplace_back();
  life.host = host.id;
  life.name = host.spec.name + "." + std::to_string(host.incarnation);
  life.id = host.peer;
  life.software = host.spec.software;
  life.network = host.spec.network;
  life.secret = host.spec.secret;
  life.second_secret = host.spec.second_secret;
  life.born = time;
  current_[host.id] = &life;
  return life;
}

void Truth::died(const Host& host, Mono time) {
  Life& life = *current_.at(host.id);
  life.died = time;
  life.groups.clear();
  for (const auto& [key, tie] : life.bonds) {
    if (Session* of = session(tie.session))
      if (Session::End* end = of->of(life); end != nullptr && !end->down) {
        end->down = time;
        end->by = "death";
      }
  }
  life.bonds.clear();
}

}  // namespace mosaik::sim
