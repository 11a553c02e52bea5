#pragma once
/// HandshakeAcceptor: incoming connections for groups, from the opened link to a decoded HandshakeStart that names a
/// joined group. It makes the acceptor's checks that need no group, in the crate's order (docs/protocol/groups.md 3.4):
///
///   nothing within limits::handshake_timeout -> 30408   ·   peer without a fresh entry -> 401   ·   undecodable -> 400
///   end of stream before a frame -> 103, inside a frame -> 30400   ·   other network -> 101   ·   group not joined ->
///   30404
///
/// A C++ initiator brings its own signed entry in the handshake's tail, so that "unknown" is asked after the frame has
/// arrived; a peer that is unknown even so gets 401 whatever else is wrong with its frame, as from the crate.
/// The mesh of the group makes the rest: 30429, 30405 (mesh.hpp). Strangers are bounded by limits::incoming_handshakes.

#include <map>
#include <optional>
#include <set>

#include "base/admission_table.hpp"
#include "base/limits.hpp"
#include "bonds/capability.hpp"
#include "bonds/mesh_context.hpp"
#include "crypto/group_key.hpp"
#include "identity/directory.hpp"
#include "wire/messages.hpp"

namespace mosaik::bonds {

/// A HandshakeStart that passed the handshake_acceptor.
struct IncomingHandshake {
  LinkId link;
  PeerId peer;
  GroupId group;
  identity::EntryRef entry;                      ///< the newest entry of the peer that we know, or that it brought
  crypto::Proof proof;                           ///< not yet verified
  std::vector<std::vector<std::uint8_t>> bonds;  ///< signed entries of its bonds, not yet verified
  bool cpp = false;                              ///< it speaks our extensions
  Capabilities capabilities;
  EnginePayload engine{};
  std::optional<SessionId> lost_session = std::nullopt;  ///< of its last bond with us, which it has no more
};

class HandshakeAcceptor {
 public:
  HandshakeAcceptor(const NetworkId& network, const identity::Directory& directory, identity::Verifier& verifier)
      : network_(network), directory_(directory), verifier_(verifier) {}

  /// `standing`: whether the peer is known as a member of a group of ours.
  void on_opened(const MeshContext& step, const LinkOpened& opened, AdmissionClass standing);
  /// The first frame of a link. Returns what the group's mesh has to decide, or closes the link.
  [[nodiscard]] std::optional<IncomingHandshake> on_frame(const MeshContext& step, LinkId link, BytesView payload,
                                                          const std::set<GroupId>& joined);
  void on_ended(const MeshContext& step, LinkId link, bool clean);
  void on_oversized(const MeshContext& step, LinkId link);
  void on_closed(LinkId link) { forget(link); }
  void on_timer(const MeshContext& step);
  [[nodiscard]] Mono next_deadline() const;

  void check_invariants() const;

 private:
  struct Waiting {
    PeerId peer;
    Mono deadline;
  };
  void forget(LinkId link);
  void refuse(const MeshContext& step, LinkId link, CloseCode code);
  void refuse_frameless(const MeshContext& step, LinkId link, CloseCode code);
  /// The newer of the catalog's entry and the one in the tail.
  [[nodiscard]] identity::EntryRef entry_of(const MeshContext& step, const PeerId& peer,
                                            const identity::EntryRef& brought) const;

  NetworkId network_;
  const identity::Directory& directory_;
  identity::Verifier& verifier_;
  std::map<LinkId, Waiting> waiting_;
  AdmissionTable<LinkId> places_{{.places = limits::incoming_starts, .for_members = limits::member_starts}};
};

}  // namespace mosaik::bonds
