#pragma once
/// What a request may do in the loop: it is run with a Step, on the loop's thread, between reading and sending.

#include <functional>
#include <string>
#include <vector>

#include <mosaik/consensus_config.hpp>
#include <mosaik/group_key.hpp>
#include <mosaik/id.hpp>

#include "runtime/outlet.hpp"
#include "runtime/resolver.hpp"

namespace mosaik::runtime {

/// An answer that is given on the delivery thread, exactly once; Errc::closed when the loop ends first.
template <class T>
using Answer = std::move_only_function<void(Result<T>)>;

class Step {
 public:
  /// `done` runs on the loop's thread, once a snapshot with the group is published: no user code in it.
  /// Errors: invalid_argument, in_use, limit.
  virtual void join(const GroupKey& key, const ConsensusConfig& consensus, Answer<GroupId> done) = 0;
  /// `done` runs on the delivery thread when the group is left; at once when it is not joined.
  virtual void leave(const GroupId& group, Task done) = 0;
  virtual void leave_all(Task done) = 0;
  virtual void sync_with(const PeerId& peer, const std::vector<SocketAddress>& addresses, Answer<void> done) = 0;
  virtual void ping(const PeerId& peer, const std::vector<SocketAddress>& addresses, Answer<Nanoseconds> done) = 0;
  /// Runs a task on the delivery thread.
  virtual void run(Task task) = 0;
  virtual void resolve(std::string host, std::uint16_t port, Resolved done) = 0;
  /// Tells of trouble outside the node, as a notice.
  virtual void warn(const std::string& text) = 0;
  /// Somebody reads: publish a snapshot within 500 ms, though nothing changed but ages and round trips.
  virtual void refresh() = 0;

 protected:
  ~Step() = default;
};

}  // namespace mosaik::runtime
