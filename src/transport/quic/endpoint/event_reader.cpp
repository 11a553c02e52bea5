#include "transport/quic/endpoint/event_reader.hpp"

namespace mosaik::quic {

std::optional<LinkEvent> EventReader::next(Mono now) {
  resume(now);
  if (std::optional<LinkEvent> event = next_of(resumed_, now)) return event;
  return next_of(shared_.events, now);
}

// In a later turn, before what is new. A link that got nothing goes first: many links that flood take turns with the
// others.
void EventReader::resume(Mono now) {
  if (now < due_) return;
  due_ = never;
  for (EventQueue* const queue : {&unread_, &aside_}) {
    while (!queue->empty()) {
      resumed_.push_back(std::move(queue->front()));
      queue->pop_front();
    }
  }
}

std::optional<LinkEvent> EventReader::next_of(EventQueue& queue, Mono now) {
  while (!queue.empty()) {
    QueuedEvent& front = queue.front();
    Fate fate = Fate::done;
    const auto* const ready = std::get_if<FramesReady>(&front);
    auto* const ended = std::get_if<Ended>(&front);
    if (ready != nullptr) {
      if (std::optional<LinkEvent> event = take_frames(*ready, now, fate)) return event;
    } else if (ended != nullptr) {
      if (std::optional<LinkEvent> event = take_rest(ended->closed.link, now, fate)) return event;
    }
    if (fate != Fate::done) {
      (fate == Fate::unread ? unread_ : aside_).push_back(std::move(front));
      queue.pop_front();
      continue;
    }
    if (ready != nullptr) {
      queue.pop_front();
      continue;
    }
    LinkEvent event = ended != nullptr ? LinkEvent(std::move(ended->closed)) : std::move(std::get<LinkEvent>(front));
    queue.pop_front();
    if (const auto* const active = std::get_if<LinkActive>(&event)) {
      if (Connection* const connection = connections_.find(active->link)) connection->on_active_taken();
    }
    return event;
  }
  return std::nullopt;
}

std::optional<LinkEvent> EventReader::take_frames(FramesReady ready, Mono now, Fate& fate) {
  Connection* const connection = connections_.find(ready.link);
  if (connection == nullptr) return std::nullopt;
  if (std::optional<LinkEvent> event = read(connection->inbox(), ready.link, now, fate); event || fate != Fate::done)
    return event;
  if (const auto head = connection->inbox().take_growth()) return LinkGrowing{ready.link, *head};
  connection->on_inbox_empty();
  connections_.mark(*connection);  // the peer is to learn of its credit
  return std::nullopt;
}

std::optional<LinkEvent> EventReader::take_rest(LinkId ended, Mono now, Fate& fate) {
  Inbox* const rest = shared_.rests.find(ended);
  if (rest == nullptr) return std::nullopt;
  if (std::optional<LinkEvent> event = read(*rest, ended, now, fate); event || fate != Fate::done) return event;
  shared_.rests.drop(ended);
  return std::nullopt;
}

std::optional<LinkEvent> EventReader::read(Inbox& inbox, LinkId link, Mono now, Fate& fate) {
  const bool spent = !turn_.left(now);
  const Mono due = spent ? now + Nanoseconds(1) : inbox.budget().due(now);
  if (due > now) {
    fate = spent && !inbox.budget().had_part(now) ? Fate::unread : Fate::aside;
    due_ = std::min(due_, due);
    return std::nullopt;
  }
  MOSAIK_ASSERT(!spent);
  std::optional<LinkEvent> event = inbox.next(link);
  if (const auto* const frame = event ? std::get_if<LinkFrame>(&*event) : nullptr) {
    turn_.spend(frame->payload.size());
    inbox.budget().spend(now, frame->payload.size());
  }
  return event;
}

}  // namespace mosaik::quic
