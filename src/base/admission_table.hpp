#pragma once
/// AdmissionTable: places for exchanges with peers that nobody has vouched for yet.
///
/// Nobody is turned away: whoever comes takes a place, and another exchange gives way where that is needed. So idle
/// exchanges of a stranger cannot keep others out, whatever their number.
///
///  * Up to half of the places are taken by strangers: nobody gives way.
///  * Above that, the oldest exchange that has not sent a whole frame gives way to a stranger, of the source with the
///    most such exchanges: the /24 (IPv4) or /64 (IPv6), and in it the address and port.
///  * All places are taken, and each has sent a frame: the oldest stranger gives way, or else the oldest member.
///
/// Some places are for members alone. Cost: logarithmic in the number of places.

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <mosaik/types/address.hpp>

#include "base/assert.hpp"

namespace mosaik {

struct AdmissionLimits {
  std::size_t places = 0;
  std::size_t for_members = 0;  ///< of these
};

enum class AdmissionClass : std::uint8_t { stranger, member };

/// Counts by name, and which name has the most.
template <class Name>
class Tally {
 public:
  void add(const Name& name) { set(name, count(name) + 1); }
  void remove(const Name& name) { set(name, count(name) - 1); }
  [[nodiscard]] bool empty() const noexcept { return ranks_.empty(); }
  /// The greatest count, and a name that has it.
  [[nodiscard]] const std::pair<std::size_t, Name>& most() const { return *ranks_.rbegin(); }

 private:
  [[nodiscard]] std::size_t count(const Name& name) const {
    const auto found = counts_.find(name);
    return found == counts_.end() ? 0 : found->second;
  }
  void set(const Name& name, std::size_t count) {
    const auto [place, added] = counts_.try_emplace(name, 0);
    ranks_.erase({place->second, name});
    place->second = count;
    if (count > 0)
      ranks_.insert({count, name});
    else
      counts_.erase(place);
  }
  std::map<Name, std::size_t> counts_;
  std::set<std::pair<std::size_t, Name>> ranks_;
};

template <class Key>
class AdmissionTable {
 public:
  explicit AdmissionTable(const AdmissionLimits& limits) noexcept : limits_(limits) {
    MOSAIK_ASSERT(limits.places > limits.for_members);
  }

  /// Takes a place. Returns the exchange that must end for it, which has left the table; never `key` itself.
  [[nodiscard]] std::optional<Key> admit(const Key& key, const SocketAddress& from, AdmissionClass standing) {
    const std::optional<Key> leaving = victim(standing);
    if (leaving) leave(*leaving);
    const Place place{from, source_of(from), ++order_, standing, false};
    const bool added = table_.try_emplace(key, place).second;
    MOSAIK_ASSERT(added);
    by_age(standing).emplace(place.order, key);
    if (standing == AdmissionClass::stranger) note_idle(key, place);
    MOSAIK_ASSERT(table_.size() <= limits_.places);
    return leaving;
  }
  /// It has sent a whole frame.
  void on_frame(const Key& key) {
    const auto found = table_.find(key);
    if (found == table_.end() || std::exchange(found->second.framed, true)) return;
    if (found->second.standing == AdmissionClass::stranger) forget_idle(found->second);
  }
  void leave(const Key& key) {
    const auto found = table_.find(key);
    if (found == table_.end()) return;
    const Place& place = found->second;
    by_age(place.standing).erase(place.order);
    if (place.standing == AdmissionClass::stranger && !place.framed) forget_idle(place);
    table_.erase(found);
  }

  [[nodiscard]] bool contains(const Key& key) const { return table_.contains(key); }
  [[nodiscard]] std::size_t size() const noexcept { return table_.size(); }

 private:
  using Source = std::array<std::uint8_t, 9>;  // the family and the octets that a site has for itself
  struct Place {
    SocketAddress from;
    Source source;
    std::uint64_t order = 0;
    AdmissionClass standing{};
    bool framed = false;
  };

  [[nodiscard]] static Source source_of(const SocketAddress& from) noexcept {
    Source out{};
    out[0] = from.is_v4() ? 4 : 6;
    std::copy_n(from.octets().begin(), from.is_v4() ? 3 : 8, out.begin() + 1);
    return out;
  }

  /// Strangers that have not sent a whole frame, of one source.
  struct Idle {
    Tally<SocketAddress> addresses;
    std::map<std::pair<SocketAddress, std::uint64_t>, Key> by_address;  ///< and age
    std::map<std::uint64_t, Key> by_age;
  };

  [[nodiscard]] std::map<std::uint64_t, Key>& by_age(AdmissionClass standing) {
    return standing == AdmissionClass::stranger ? strangers_ : members_;
  }
  void note_idle(const Key& key, const Place& place) {
    sources_.add(place.source);
    Idle& idle = idle_[place.source];
    idle.addresses.add(place.from);
    idle.by_address.emplace(std::pair(place.from, place.order), key);
    idle.by_age.emplace(place.order, key);
    idle_by_age_.emplace(place.order, key);
  }
  void forget_idle(const Place& place) {
    sources_.remove(place.source);
    const auto found = idle_.find(place.source);
    found->second.addresses.remove(place.from);
    found->second.by_address.erase({place.from, place.order});
    found->second.by_age.erase(place.order);
    idle_by_age_.erase(place.order);
    if (found->second.by_address.empty()) idle_.erase(found);
  }

  [[nodiscard]] std::optional<Key> victim(AdmissionClass newcomer) const {
    const std::size_t open = limits_.places - limits_.for_members;
    const bool full =
        table_.size() >= limits_.places || (newcomer == AdmissionClass::stranger && strangers_.size() >= open);
    if (!full && (newcomer == AdmissionClass::member || strangers_.size() <= open / 2)) return std::nullopt;
    if (!idle_by_age_.empty()) return idlest();
    if (!full) return std::nullopt;
    return (strangers_.empty() ? members_ : strangers_).begin()->second;
  }

  // Where nobody has more than others, age alone decides: no address may be worse than another one.
  [[nodiscard]] Key idlest() const {
    const auto& [of_source, source] = sources_.most();
    if (of_source == 1) return idle_by_age_.begin()->second;
    const Idle& fullest = idle_.at(source);
    const auto& [of_address, address] = fullest.addresses.most();
    if (of_address == 1) return fullest.by_age.begin()->second;
    return fullest.by_address.lower_bound({address, 0})->second;
  }

  AdmissionLimits limits_;
  std::map<Key, Place> table_;
  std::map<std::uint64_t, Key> strangers_;  // by order of arrival
  std::map<std::uint64_t, Key> members_;
  Tally<Source> sources_;  // of idle strangers
  std::map<Source, Idle> idle_;
  std::map<std::uint64_t, Key> idle_by_age_;
  std::uint64_t order_ = 0;
};

}  // namespace mosaik
