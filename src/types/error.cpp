#include <mosaik/types/result.hpp>

namespace mosaik {

std::string_view to_string(Errc code) noexcept {
  switch (code) {
    case Errc::invalid_argument: return "invalid_argument";
    case Errc::malformed: return "malformed";
    case Errc::not_canonical: return "not_canonical";
    case Errc::limit: return "limit";
    case Errc::bad_signature: return "bad_signature";
    case Errc::old_entry_layout: return "old_entry_layout";
    case Errc::wrong_network: return "wrong_network";
    case Errc::stale: return "stale";
    case Errc::from_the_future: return "from_the_future";
    case Errc::not_found: return "not_found";
    case Errc::refused: return "refused";
    case Errc::unreachable: return "unreachable";
    case Errc::timed_out: return "timed_out";
    case Errc::closed: return "closed";
    case Errc::offline: return "offline";
    case Errc::overwritten: return "overwritten";
    case Errc::unknown_outcome: return "unknown_outcome";
    case Errc::permission: return "permission";
    case Errc::in_use: return "in_use";
    case Errc::io: return "io";
    case Errc::internal: return "internal";
  }
  return "internal";
}

}  // namespace mosaik
