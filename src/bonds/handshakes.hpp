#pragma once
/// Handshakes: from an opened link to a bond, in both roles (docs/protocol/groups.md 3.2 to 3.6).
///
/// The law of simultaneous opens: exactly one of two crossing connections survives.
///  * Our HandshakeStart is not out yet: we drop our own attempt and answer theirs.
///  * Rust peer: we hold its handshake unanswered until ours resolves: HandshakeEnd keeps ours and refuses theirs with
///    30429, any failure answers theirs (docs/protocol/groups.md 3.6).
///  * C++ peer: the connection opened by the lower id wins. The lower holds, the higher answers and abandons its own.
///
/// The law of incarnations: a handshake from a bonded peer whose entry has a newer `started` replaces the old bond at
/// once; any other is refused with 30429 and the old bond is probed.

#include "bonds/handshake_acceptor.hpp"
#include "bonds/live_bonds.hpp"

namespace mosaik::bonds {

class Handshakes {
 public:
  /// All outlive this.
  Handshakes(MeshEnvironment& environment, Members& members, Dialer& dialer, Introductions& introductions,
             LiveBonds& bonds)
      : environment_(environment), members_(members), dialer_(dialer), introductions_(introductions), bonds_(bonds) {}

  /// A HandshakeStart that names our group.
  void on_incoming(const MeshContext& context, const IncomingHandshake& incoming);
  static void refuse(const MeshContext& context, const IncomingHandshake& incoming, CloseCode code);
  /// Our dial has opened.
  void on_opened(const MeshContext& context, const LinkOpened& opened);
  /// The first frame of the acceptor.
  void on_frame(const MeshContext& context, Member& member, BytesView payload);
  void on_attempt_closed(const MeshContext& context, Member& member, const CloseInfo& close);
  /// The deadline of the attempt has passed.
  void on_timeout(const MeshContext& context, Member& member);
  /// We leave: ends the attempt, and refuses what it holds up.
  void abandon(const MeshContext& context, Member& member);

 private:
  using Held = std::vector<IncomingHandshake>;
  /// Whether our attempt is kept, and what comes in waits for how it ends.
  [[nodiscard]] bool attempt_stands(const Member& member, const IncomingHandshake& incoming) const;
  void accept(const MeshContext& context, const IncomingHandshake& incoming);
  /// The attempt that these had to wait for has ended.
  void answer(const MeshContext& context, Member& member, Held held);
  void refuse_held(const MeshContext& context, const Held& held, CloseCode code);
  void refuse_end(const MeshContext& context, Member& member, CloseCode code, std::string_view why);
  [[nodiscard]] Held drop_attempt(const MeshContext& context, Member& member, CloseCode code);
  [[nodiscard]] std::vector<BytesView> bond_list() const;
  void tell_news(const MeshContext& context, const LiveBond& bond, const Handshaking& since,
                 std::span<const identity::EntryRef> known);

  MeshEnvironment& environment_;
  Members& members_;
  Dialer& dialer_;
  Introductions& introductions_;
  LiveBonds& bonds_;
};

}  // namespace mosaik::bonds
