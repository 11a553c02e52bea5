#pragma once
/// The limits that a peer, a caller or an operator can meet, by name; those of a room's insides stand in its header.
/// Reaching one is a defined outcome, never growth.

#include <cstddef>
#include <cstdint>

#include "base/now.hpp"

namespace mosaik::limits {

// -- frames (docs/protocol/encoding.md; spec groups 8.2 S23)
inline constexpr std::size_t group_frame = 16U
                                           << 20U;  ///< bytes of one frame on a bond; longer: the link closes with 400
inline constexpr std::size_t handshake_frame = 1U << 20U;  ///< bytes of a frame before the proof is verified
inline constexpr std::size_t sync_frame = 8U << 20U;       ///< bytes of a catalog snapshot
inline constexpr std::size_t ping_frame = 64U << 10U;      ///< bytes of a ping request or reply
inline constexpr std::size_t receive_step =
    64U << 10U;  ///< a receive buffer grows by what arrived, never by what was announced

// -- links
inline constexpr std::size_t links = 4096;                ///< connections of one endpoint that have not ended
inline constexpr std::size_t closing_connections = 4096;  ///< ended ones that still answer late packets; the oldest go
inline constexpr Nanoseconds farewell_quiet = 1s;         ///< for which one is kept, at most, for RFC 9000 10.2's sake
inline constexpr std::size_t unread_bytes = 16U << 20U;   ///< of ended links that have proven nothing, not yet read
inline constexpr std::size_t incoming_handshakes = 256;   ///< unfinished incoming handshakes (base/admission_table.hpp)
inline constexpr std::size_t retry_threshold = 64;  ///< unfinished incoming handshakes from which on Retry is asked
inline constexpr Nanoseconds retry_window = 10ms;   ///< in which a client is asked so often,
inline constexpr std::size_t retries_per_client = 4;
inline constexpr std::size_t retries_per_window = 512;  ///< and all clients together so often
inline constexpr std::size_t handshakes_per_step =
    8;  ///< new handshakes taken up between two rounds of established links
inline constexpr std::size_t handshake_backlog =
    512;                                          ///< first datagrams waiting for their turn (base/admission_table.hpp)
inline constexpr std::size_t dial_addresses = 5;  ///< addresses of one peer that a dial tries
inline constexpr std::size_t dial_candidates = 32;   ///< of one peer; more: the first ones
inline constexpr Nanoseconds fresh_after = 20s;      ///< so long silent: every other dial leaves from a fresh port,
inline constexpr Nanoseconds fresh_port_turn = 30s;  ///< which is another one each time this is over,
inline constexpr Nanoseconds fresh_port_idle = 60s;  ///< and is closed when nothing was sent from it for this long
inline constexpr std::size_t fresh_ports = 8;        ///< sockets besides those that we listen on, for dials past a NAT
inline constexpr std::size_t dial_records = 16384;   ///< addresses of peers of which it is known how dials ended
/// Dials of what others have named (base/dial_budget.hpp).
inline constexpr std::size_t first_packet = 1200;     ///< bytes of the datagram that begins a dial (RFC 9000 14.1)
inline constexpr std::size_t hearsay_bytes = 20'000;  ///< a minute, to all addresses that an entry alone names,
inline constexpr std::size_t hearsay_dials = 4;       ///< and so many first packets a second
inline constexpr std::size_t attested_dials = 64;     ///< to attested addresses at a time
inline constexpr std::size_t silences_at_once = 3;    ///< unanswered first packets to one address or host,
inline constexpr std::size_t silences_a_minute = 6;   ///< and so many a minute after these
inline constexpr std::size_t dial_places = 8192;      ///< addresses and hosts that are remembered; more: hearsay
inline constexpr std::size_t links_per_peer = 32;     ///< incoming connections of one peer at a time; more: refused
inline constexpr std::size_t quic_window = 256U
                                           << 10U;  ///< bytes handed to QUIC at a time; the rest waits in our queues
inline constexpr std::size_t loopback_datagram = 16U << 10U;  ///< bytes of a datagram between two processes of one host
inline constexpr std::size_t liveness_queue =
    64U << 10U;  ///< bytes queued for liveness; full: the frame is dropped, the link is stuck anyway
inline constexpr std::size_t consensus_queue =
    64U << 20U;  ///< bytes queued for consensus; full: the link closes, the peer catches up
inline constexpr std::size_t catalog_queue = 16U << 20U;  ///< bytes queued for the catalog; full: the frame is dropped
inline constexpr std::size_t bulk_queue = 32U << 20U;     ///< bytes queued for bulk; full: the writer is told to wait
inline constexpr std::size_t link_frames_per_turn =
    256;  ///< frames of one link handed up in one turn of the loop; the rest waits for the next, behind other links
inline constexpr std::size_t link_bytes_per_turn = 1U << 20U;  ///< and their bytes; one longer frame goes alone
inline constexpr std::size_t frames_per_turn = 2048;           ///< of all links together
inline constexpr std::size_t frame_bytes_per_turn = 4U << 20U;
/// What one link hands up: a frame, and each so many bytes of it, count one; at once,
inline constexpr std::uint64_t link_frames_burst = 1U << 18U;
inline constexpr std::uint64_t link_frames_rate = 1U << 19U;  ///< and a second after that; the rest is not read,
inline constexpr std::size_t frame_unit = 1U << 10U;
inline constexpr Nanoseconds reading_pause = 1ms;  ///< for so long at least; flow control holds the peer back
inline constexpr std::size_t close_reason = 128;   ///< bytes of a close reason that are kept and sent
inline constexpr Nanoseconds quic_handshake_timeout = 5s;
inline constexpr Nanoseconds quic_idle_timeout = 30s;  ///< what iroh announces too
inline constexpr Nanoseconds quic_keep_alive = 5s;
/// The same for a sync or ping that we dial. The crate serves one of them after the other and waits until the dialer
/// closes: one that dies meanwhile silences the crate's discovery for the idle time (spec: discovery 8 W2).
inline constexpr Nanoseconds exchange_idle_timeout = 3s;
inline constexpr Nanoseconds exchange_keep_alive = 500ms;

// -- entries and the catalog (spec discovery 1.14, 8)
inline constexpr std::size_t entry_bytes = 16U << 10U;  ///< bytes of one signed entry
inline constexpr std::size_t entry_addresses = 32;
inline constexpr std::size_t entry_items = 256;    ///< tags, streams, functions, groups, tickets: each
inline constexpr std::size_t entry_protocol = 64;  ///< bytes of the protocol text
inline constexpr std::size_t entry_url = 1024;     ///< bytes of a relay's URL
inline constexpr std::size_t catalog_entries = 4096;
inline constexpr std::size_t catalog_bytes = 16U << 20U;  ///< sum of all entries' encodings
inline constexpr std::size_t tombstones = 4096;           ///< remembered departures
inline constexpr std::size_t verified_cache = 4096;       ///< entries whose signature need not be verified again
inline constexpr std::size_t concurrent_syncs = 8;        ///< outgoing, at a time
inline constexpr std::size_t incoming_syncs = 256;        ///< syncs and pings at a time (base/admission_table.hpp),
inline constexpr std::size_t member_syncs = 32;           ///< of which so many are for members alone
inline constexpr std::size_t incoming_starts = 256;  ///< links that owe a HandshakeStart (base/admission_table.hpp),
inline constexpr std::size_t member_starts = 64;     ///< of which so many are for members alone
inline constexpr std::size_t bootstrap_peers = 64;
inline constexpr std::size_t contact_dials = 32;       ///< of contacts without an id, at a time
inline constexpr std::size_t snapshot_entries = 4096;  ///< entries of one snapshot
inline constexpr Nanoseconds stale_after = 300s;       ///< the crate's purge_after
inline constexpr Nanoseconds clock_drift = 50s;        ///< entries dated later than this are refused
inline constexpr Nanoseconds refresh_least = 90s;      ///< own entry is signed anew between these two,
inline constexpr Nanoseconds refresh_most = 140s;      ///< so that nobody sees us older than 150 s
inline constexpr Nanoseconds sync_timeout = 5s;
inline constexpr Nanoseconds accept_timeout = 5s;  ///< an incoming sync or ping, from open to close;
inline constexpr Nanoseconds first_frame = 1s;     ///< its dialer may pause so long in its first frame

// -- bonds
inline constexpr std::size_t groups = 64;               ///< joined by one node
inline constexpr std::size_t mesh_peers = 1024;         ///< peers of one group that are remembered
inline constexpr std::size_t handshake_entries = 1024;  ///< entries in a handshake's list of bonds
inline constexpr std::size_t list_verify_step = 16;     ///< of which so many fresh ones are verified at once: 1.5 ms,
inline constexpr Nanoseconds list_pause = 5ms;          ///< and as many again after this pause,
inline constexpr std::size_t list_verify_burst = 1024;  ///< of all lists of a group so many in a row,
inline constexpr std::size_t list_verify_rate = 512;    ///< and a second after that: 5 % of a core
inline constexpr std::size_t list_bytes = 16U << 20U;   ///< kept until then, all lists of a group; more: dropped
inline constexpr std::size_t held_handshakes = 4;  ///< of one peer, unanswered while our own attempt runs; more: 30429
inline constexpr std::size_t peer_cache = 256;     ///< peers once bonded, kept beyond staleness
inline constexpr Nanoseconds dial_list_standing = 1h;   ///< time in a bond that one of an earlier run is credited with
inline constexpr Nanoseconds dial_list_moment = 2s;     ///< who was bonded for no longer is hearsay again
inline constexpr Nanoseconds dial_list_age = 24h;       ///< who was not heard of for so long is forgotten
inline constexpr std::size_t forgotten = 1024;          ///< members of one group that it was told to forget,
inline constexpr Nanoseconds forgotten_age = 24h;       ///< and for how long
inline constexpr std::size_t bond_names = 16384;        ///< computed BondIds that are kept; more: computed anew
inline constexpr std::size_t concurrent_dials = 64;     ///< of one group, at a time
inline constexpr std::size_t acquaintances = 4096;      ///< peers that completed a handshake with us, and where
inline constexpr std::size_t unattested_shown = 16;     ///< members in status that an entry alone names; all count
inline constexpr Nanoseconds first_company = 2s;        ///< after a first bond, members that an entry alone names count
inline constexpr std::size_t entry_updates_burst = 32;  ///< PeerEntryUpdate and BondFormed of one bond at once,
inline constexpr std::size_t entry_updates_rate = 16;   ///< and a second after that; more are ignored
inline constexpr std::size_t pings_burst = 512;         ///< Pings of one bond at once,
inline constexpr std::size_t pings_rate = 256;          ///< and a second after that; more are signs of life and no more
inline constexpr std::size_t extensions_burst =
    64;                                            ///< extensions behind Pings of one bond that are not rows, at once,
inline constexpr std::size_t opinions_asked = 24;  ///< members that are asked about a silent one
inline constexpr std::size_t extension_bytes = 1024;  ///< bytes of one of them; longer: ignored
inline constexpr std::size_t extensions_rate = 32;    ///< and a second after that; more are ignored
inline constexpr Nanoseconds handshake_timeout = 2s;  ///< the crate's; HandshakeStart must come, HandshakeEnd must come
inline constexpr Nanoseconds departure_flush = 500ms;  ///< a Departure has this long to be acknowledged
inline constexpr Nanoseconds retry_least = 250ms;      ///< to a lost member, jittered,
inline constexpr Nanoseconds retry_most = 750ms;
/// Dials of those who are not back soon. Of one whose death is proven, each pause is a tenth of the time since then;
inline constexpr Nanoseconds newly_dead = 30s;
inline constexpr int dead_pause_part = 10;
inline constexpr Nanoseconds newly_lost = 600s;      ///< all others that are lost for longer than this
inline constexpr Nanoseconds lost_pause = 250ms;     ///< are dialed once in this, all together;
inline constexpr Nanoseconds lost_pause_most = 60s;  ///< and each at least once in this
inline constexpr Nanoseconds heal_after = 10s;       ///< one that comes back after so long is news about the others
inline constexpr Nanoseconds proven_death_counts =
    300s;                                         ///< a member whose death is proven counts as missing for so long
inline constexpr Nanoseconds refused_least = 1s;  ///< after a refusal
inline constexpr Nanoseconds refused_most = 10s;

// -- consensus (spec groups 8.2 S25: queues are bounded and push back)
inline constexpr std::size_t command_bytes = 8U << 20U;  ///< one command; longer: the call is refused
inline constexpr std::size_t call_bytes = 8U << 20U;     ///< all commands of one call; more: the call is refused
inline constexpr std::size_t call_commands = 65536;      ///< commands of one call; more: the call is refused
inline constexpr std::size_t query_bytes = 8U << 20U;    ///< one query; longer: the call is refused
inline constexpr std::size_t answer_bytes = 8U << 20U;  ///< of a strong read; longer: `limit`, and silence for a member
inline constexpr std::size_t append_bytes =
    256U << 10U;  ///< entries of one AppendEntries or catch-up answer; one larger entry goes alone
inline constexpr std::size_t message_entries =
    1U << 20U;  ///< entries or commands of one received message; more: malformed
inline constexpr std::size_t uncommitted_bytes =
    32U << 20U;  ///< of a leader's entries that are not committed; more: calls are refused (half of consensus_queue)
inline constexpr std::size_t uncommitted_entries = 1U << 20U;
/// Of a log in memory, unless the member was told otherwise; then a leader refuses more, and a follower says so.
inline constexpr std::size_t log_bytes = 8ULL << 30U;
inline constexpr std::size_t least_log_bytes = 16U << 20U;  ///< that a member can be told
inline constexpr std::size_t least_default_log_bytes = 64U << 20U;
inline constexpr std::size_t log_share =
    4;  ///< by default a log has this part of the machine's memory, if that is less
inline constexpr std::size_t contributors = 1024;  ///< members whose part of a log its leader knows
inline constexpr std::size_t log_entry = 64;       ///< what an entry counts there besides its command
inline constexpr std::size_t calls = 1U << 18U;    ///< running calls of one group; more are refused
/// Commands and queries on their way to the leader; more: calls are refused (half of consensus_queue). The same of
/// queries of other members, being answered; more are dropped.
inline constexpr std::size_t forwarded_bytes = 32U << 20U;
inline constexpr std::size_t forwarded_queries = 4096;
inline constexpr std::size_t waiting_query_bytes = 64U << 20U;  ///< of this member's own queries; more are refused
inline constexpr std::size_t asking_bytes = 8U << 20U;          ///< queries handed to the machine and not yet answered;
inline constexpr std::size_t asking = 4096;                     ///< then it is waited for
inline constexpr std::size_t apply_bytes = 4U << 20U;           ///< commands of one Apply
inline constexpr std::size_t apply_commands = 4096;
inline constexpr std::size_t applying_bytes =
    32U << 20U;  ///< commands handed to the machine and not yet applied; then it is waited for
inline constexpr std::size_t applying_commands = 65536;
inline constexpr std::uint32_t catch_up_batch =
    2000;  ///< entries of one catch-up request, unless the group is set up otherwise (spec: groups 2.4)
inline constexpr std::size_t catch_up_bytes =
    64U << 20U;  ///< entries kept while earlier ones are fetched; more are fetched later
inline constexpr std::size_t votes_burst = 256;        ///< RequestVote and its answers of one bond at once,
inline constexpr std::size_t votes_rate = 64;          ///< and a second after that; more are ignored
inline constexpr std::size_t availability_burst = 64;  ///< AvailabilityRequests of one bond at once,
inline constexpr std::size_t availability_rate = 16;   ///< and a second after that; more are ignored
/// What a bond is given of the log: an entry, and each so many bytes of them, count one; at once,
inline constexpr std::uint64_t catch_up_burst = 1U << 18U;
inline constexpr std::uint64_t catch_up_rate = 1U << 20U;  ///< and a second after that: the request waits
inline constexpr std::size_t catch_up_unit = 256;
inline constexpr std::size_t fetch_bytes = 4U << 20U;  ///< that a catch-up request to a Rust leader is meant to bring
inline constexpr std::size_t repair_bytes =
    8U << 20U;                           ///< missed entries that a leader resends after a bond broke; more: catch-up
inline constexpr unsigned contests = 3;  ///< campaigns against a leader that lacks what we committed
inline constexpr Nanoseconds fetch_patience_most = 25s;  ///< what it grows to, twice with each request
inline constexpr Nanoseconds fetch_patience = 1s;  ///< for the answer to a catch-up request; then it is asked again

// -- node
inline constexpr std::size_t refusals_burst = 256;  ///< events about those whom we refuse, at once,
inline constexpr std::size_t refusals_rate = 1;     ///< and a second after that; more are not told
inline constexpr std::size_t follow_ups_burst = 8;  ///< syncs with peers that answered in the place of others, at once,
inline constexpr std::size_t follow_ups_rate = 1;   ///< and a second after that
inline constexpr std::size_t notices = 32;          ///< notices kept for status; the oldest leave
inline constexpr std::size_t pending_outputs =
    65536;  ///< events not yet taken by the runtime; more: dropped and counted
inline constexpr Nanoseconds snapshot_pause_per_bond =
    1ms;                                             ///< between two snapshots of a changing mesh: for each own bond,
inline constexpr Nanoseconds snapshot_pause = 20ms;  ///< and at most

// -- runtime and control
inline constexpr std::size_t sentinel_strangers =
    32;  ///< accepted TCP connections that showed no token yet; more: the oldest goes
inline constexpr Nanoseconds sentinel_patience = 2s;    ///< they have this long to show it
inline constexpr std::size_t datagrams_per_step = 256;  ///< taken from a socket before timers get their turn
inline constexpr std::size_t event_backlog =
    1024;  ///< events kept for a slow reader; the oldest are dropped and counted
inline constexpr std::size_t control_clients = 32;
inline constexpr std::size_t name_questions = 64;  ///< names being resolved at a time; the rest waits in line,
inline constexpr std::size_t name_questions_waiting = 1024;  ///< which holds so many; more: the question fails
/// For an answer. Less than a contact waits (discovery/bootstrap.hpp), so that it is told why nothing came.
inline constexpr Nanoseconds name_patience = 9s;
inline constexpr std::size_t control_request = 64U << 10U;  ///< bytes of one HTTP request

}  // namespace mosaik::limits
