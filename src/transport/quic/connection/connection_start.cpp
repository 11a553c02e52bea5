// How a connection begins: dialled or accepted, its settings, its first ids; and what it gives back at its end.

#include <algorithm>

#include "base/limits.hpp"
#include "transport/quic/connection/callbacks.hpp"
#include "transport/quic/tls/ngtcp2_types.hpp"

namespace mosaik::quic {
namespace {

// RFC 9002 6.2.2 recommends 333 ms where nothing is known, which makes the first retransmission wait a second and
// leaves a 5 s handshake three tries. Members of a group are mostly near; 100 ms gives five, and costs a far peer a
// spare datagram.
constexpr Nanoseconds initial_rtt = 100ms;
constexpr std::size_t first_cid_size = 18;  // of the id that we choose for a peer before it chose its own

/// "The kernel shall choose": the unspecified address of the remote's family.
SocketAddress any_local(const SocketAddress& remote) noexcept {
  return remote.is_v4() ? SocketAddress() : SocketAddress::v6({}, 0);
}

}  // namespace

Connection::Connection(Shared& shared, LinkId link, HandshakeProgress::Begun begun, const DatagramPath& path, Mono now)
    : timer(link),
      shared_(shared),
      side_(begun == HandshakeProgress::Begun::accepted ? Side::acceptor : Side::initiator),
      path_(path),
      size_(path.remote.is_loopback() ? shared.config.loopback_datagram : 0),
      handshake_(begun, now),
      ids_(shared, link),
      inspection_(side_, shared.random_word()),
      keys_(shared.config.key_update_packets) {}

Connection::~Connection() {
  if (quic_ != nullptr) ngtcp2_conn_del(quic_);
  if (is_unfinished_incoming()) shared_.incoming.leave(timer.owner);
}

std::unique_ptr<Connection> Connection::dial(Shared& shared, LinkId link, const DialRequest& request, Mono now) {
  const SocketAddress& remote = request.addresses.front();
  const DatagramPath path{.local = any_local(remote), .remote = remote, .outlet = request.outlet};
  const auto begun = request.once ? HandshakeProgress::Begun::dialed_once : HandshakeProgress::Begun::dialed;
  std::unique_ptr<Connection> out(new Connection(shared, link, begun, path, now));
  return out->start_client(request, now) ? std::move(out) : nullptr;
}

std::unique_ptr<Connection> Connection::accept(Shared& shared, LinkId link, const FirstPacket& first, Mono now) {
  std::unique_ptr<Connection> out(new Connection(shared, link, HandshakeProgress::Begun::accepted, first.path, now));
  return out->start_server(first, now) ? std::move(out) : nullptr;
}

void Connection::configure(ngtcp2_settings& settings, ngtcp2_transport_params& parameters, Nanoseconds idle_timeout,
                           Mono now) const {
  ngtcp2_settings_default(&settings);
  settings.initial_ts = stamp(now);
  settings.initial_rtt = static_cast<ngtcp2_duration>(initial_rtt.count());
  settings.handshake_timeout = UINT64_MAX;  // ours counts until LinkOpened, which for an initiator is later
  settings.cc_algo = NGTCP2_CC_ALGO_CUBIC;
  // Acknowledge with the next write, which comes when all that had arrived was handed in: one ACK a batch, inside the
  // answer where there is one. Waiting for a second packet would cost a lone Ping a datagram and a timer of its own.
  settings.ack_thresh = 1;
  settings.rand_ctx.native_handle = &shared_.random;
  if (size_.is_loopback()) {
    settings.max_tx_udp_payload_size = shared_.config.loopback_datagram;
    settings.no_tx_udp_payload_size_shaping = 1;
    settings.no_pmtud = 1;
  }

  ngtcp2_transport_params_default(&parameters);
  parameters.max_idle_timeout = static_cast<ngtcp2_duration>(idle_timeout.count());
  parameters.initial_max_data = LinkStream::stranger_window;
  parameters.initial_max_stream_data_bidi_local = LinkStream::stranger_window;
  parameters.initial_max_stream_data_bidi_remote = LinkStream::stranger_window;
  parameters.initial_max_streams_bidi = is_dialer() ? 0 : 1;  // one stream a link, the initiator's
  parameters.initial_max_streams_uni = 0;
  parameters.active_connection_id_limit = 4;
  parameters.disable_active_migration = 1;
}

void Connection::keep_alive_after(Nanoseconds silence) noexcept {
  ngtcp2_conn_set_keep_alive_timeout(quic_, static_cast<ngtcp2_duration>(silence.count()));
}

bool Connection::start_client(const DialRequest& request, Mono now) {
  const bool anyone = request.peer == PeerId{};
  tls_.emplace(shared_.tls, TlsSession::Expect{anyone ? std::nullopt : std::optional(request.peer), request.alpn});
  if (!tls_->ok()) return false;
  const bool is_exchange = request.alpn.use() == LinkUse::exchange;
  if (is_exchange) keep_alive_ = limits::exchange_keep_alive;
  ngtcp2_settings settings;
  ngtcp2_transport_params parameters;
  configure(settings, parameters, is_exchange ? limits::exchange_idle_timeout : limits::quic_idle_timeout, now);
  ngtcp2_cid first{};
  first.datalen = first_cid_size;
  shared_.random.fill({first.data, first_cid_size});
  const ngtcp2_cid own = to_ngtcp2(ids_.issue());
  const PathStorage path(logical_local, logical_remote);
  const ngtcp2_callbacks callbacks = Callbacks::table(Side::initiator);
  if (ngtcp2_conn_client_new(&quic_, &first, &own, &path.path, NGTCP2_PROTO_VER_V1, &callbacks, &settings, &parameters,
                             memory_.allocator(), this) != 0) {
    return false;
  }
  tls_->attach(quic_);
  return true;
}

bool Connection::start_server(const FirstPacket& first, Mono now) {
  tls_.emplace(shared_.tls, std::nullopt);
  if (!tls_->ok()) return false;
  ngtcp2_settings settings;
  ngtcp2_transport_params parameters;
  configure(settings, parameters, limits::quic_idle_timeout, now);
  const Cid chosen(BytesView(first.header.dcid.data, first.header.dcid.datalen));
  if (first.original) {
    compat::set_token(settings, compat::token_of(first.header), compat::token_size(first.header));
    parameters.retry_scid = first.header.dcid;
    parameters.retry_scid_present = 1;
  }
  compat::set_original_cid(parameters, first.original ? to_ngtcp2(*first.original) : first.header.dcid);
  const Cid issued = ids_.issue();
  std::ranges::copy(shared_.resets.token(issued.view()), parameters.stateless_reset_token);
  parameters.stateless_reset_token_present = 1;
  const ngtcp2_cid own = to_ngtcp2(issued);
  const PathStorage path(logical_local, logical_remote);
  const ngtcp2_callbacks callbacks = Callbacks::table(Side::acceptor);
  if (ngtcp2_conn_server_new(&quic_, &first.header.scid, &own, &path.path, first.header.version, &callbacks, &settings,
                             &parameters, memory_.allocator(), this) != 0) {
    return false;
  }
  tls_->attach(quic_);
  // The client goes on using the id that it chose until it has our answer, and repeats it when that is lost.
  return ids_.adopt(chosen);
}

}  // namespace mosaik::quic
