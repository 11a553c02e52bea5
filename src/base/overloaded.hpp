#pragma once
/// overloaded: a visitor of lambdas for std::visit. An alternative for which there is none does not compile, so what
/// comes to a variant later can be ignored nowhere by oversight.

namespace mosaik {

template <class... Calls>
struct overloaded : Calls... {
  using Calls::operator()...;
};
template <class... Calls>
overloaded(Calls...) -> overloaded<Calls...>;

}  // namespace mosaik
