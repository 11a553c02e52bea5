#include "node/protocol_registry.hpp"

#include <algorithm>

#include "base/rekey.hpp"

namespace mosaik::node {

void ProtocolRegistry::serve(const Alpn& alpn, ProtocolHandler& handler) {
  MOSAIK_ASSERT(std::ranges::find(protocols_, alpn, &std::pair<Alpn, ProtocolHandler*>::first) == protocols_.end());
  protocols_.emplace_back(alpn, &handler);
  if (std::ranges::find(handlers_, &handler) == handlers_.end()) handlers_.push_back(&handler);
  transport_.serve(alpn);
}

void ProtocolRegistry::attach(ProtocolHandler& handler) {
  MOSAIK_ASSERT(!knows(&handler));
  attached_.push_back(&handler);
}

void ProtocolRegistry::detach(const ProtocolHandler& handler) {
  const bool known = std::erase(attached_, &handler) > 0;
  MOSAIK_ASSERT(known);
  std::erase_if(owners_, [&](const auto& item) { return item.second == &handler; });
}

ProtocolHandler* ProtocolRegistry::owner(LinkId link) const {
  const auto found = owners_.find(link);
  return found == owners_.end() ? nullptr : found->second;
}

ProtocolHandler* ProtocolRegistry::accept(const LinkOpened& opened) {
  MOSAIK_ASSERT(opened.side == Side::acceptor && owner(opened.link) == nullptr);
  const auto found = std::ranges::find(protocols_, opened.alpn, &std::pair<Alpn, ProtocolHandler*>::first);
  if (found == protocols_.end()) return nullptr;
  return owners_[opened.link] = found->second;
}

void ProtocolRegistry::rename(LinkId dialed_as, LinkId link) {
  static_cast<void>(rekey(owners_, dialed_as, link));
}

void ProtocolRegistry::hand_over(LinkId link, ProtocolHandler& handler) {
  const auto found = owners_.find(link);
  MOSAIK_ASSERT(found != owners_.end() && knows(&handler));
  found->second = &handler;
}

ProtocolHandler* ProtocolRegistry::release(LinkId link) {
  const auto owner = owners_.extract(link);
  return owner ? owner.mapped() : nullptr;
}

void ProtocolRegistry::on_timer(const Now& now) {
  for (ProtocolHandler* const handler : handlers_) {
    Port links = port(*handler);
    handler->on_timer({now, links});
  }
}

Mono ProtocolRegistry::next_deadline() const {
  Mono next = never;
  for (const ProtocolHandler* const handler : handlers_) next = std::min(next, handler->next_deadline());
  return next;
}

bool ProtocolRegistry::knows(const ProtocolHandler* handler) const {
  return std::ranges::find(handlers_, handler) != handlers_.end() ||
         std::ranges::find(attached_, handler) != attached_.end();
}

void ProtocolRegistry::check_invariants() const {
  for (const auto& [link, handler] : owners_) {
    // Protects memory safety: the events of a link never go to a group that was left.
    MOSAIK_ASSERT(knows(handler));
  }
  for (const auto& [alpn, handler] : protocols_) {
    // Protects a protocol's deadlines: each handler that is reached by an ALPN gets its timer.
    MOSAIK_ASSERT(std::ranges::find(handlers_, handler) != handlers_.end());
  }
  for (const ProtocolHandler* const handler : handlers_) handler->check_invariants();
}

}  // namespace mosaik::node
