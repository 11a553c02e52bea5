#pragma once
/// Mailbox<T>: a list that any thread may push to and any thread may empty, without a lock.
///
/// Items of one pusher come out in the order in which they were pushed. push and drain are sequentially consistent:
/// a pusher that afterwards reads a flag, and a closer that sets the flag and then drains, cannot both miss each other.

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

namespace mosaik::runtime {

template <class T>
class Mailbox {
 public:
  Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() { drain(); }

  /// True when the box was empty: whoever empties it has to be woken.
  bool push(T item) {
    Node* before = nullptr;  // a guess; the exchange puts it right
    Node* const node = new Node{std::move(item), before};
    while (!head_.compare_exchange_weak(before, node)) node->next = before;
    return before == nullptr;
  }

  /// Everything that was pushed, oldest first.
  std::vector<T> drain() {
    std::vector<T> out;
    for (Node* at = head_.exchange(nullptr); at != nullptr;) {
      out.push_back(std::move(at->item));
      delete std::exchange(at, at->next);
    }
    std::ranges::reverse(out);
    return out;
  }

 private:
  struct Node {
    T item;
    Node* next;
  };
  std::atomic<Node*> head_ = nullptr;
};

}  // namespace mosaik::runtime
