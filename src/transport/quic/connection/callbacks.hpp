#pragma once
/// The functions that ngtcp2 calls. Private to the room.

#include "transport/quic/connection/connection.hpp"

namespace mosaik::quic {

struct Connection::Callbacks {
  /// For a connection that we dialled, or one that we accepted.
  [[nodiscard]] static ngtcp2_callbacks table(Side side);
  static void random(std::uint8_t* out, std::size_t size, const ngtcp2_rand_ctx* context);

  /// While it lives, ngtcp2's work on this thread is for `connection`: it gives the callbacks that encrypt and decrypt
  /// no context. Without one nothing is decrypted, so that no packet passes by the guard.
  class Calling {
   public:
    explicit Calling(Connection& connection) noexcept;
    ~Calling();
    Calling(const Calling&) = delete;
    Calling& operator=(const Calling&) = delete;
  };

 private:
  static Connection& self(void* user) noexcept { return *static_cast<Connection*>(user); }
  static int on_decrypt(std::uint8_t* out, const ngtcp2_crypto_aead* aead, const ngtcp2_crypto_aead_ctx* context,
                        const std::uint8_t* sealed, std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
                        const std::uint8_t* header, std::size_t header_size);
  static int on_encrypt(std::uint8_t* out, const ngtcp2_crypto_aead* aead, const ngtcp2_crypto_aead_ctx* context,
                        const std::uint8_t* plain, std::size_t size, const std::uint8_t* nonce, std::size_t nonce_size,
                        const std::uint8_t* header, std::size_t header_size);
  static int on_acceptor_key(ngtcp2_conn* quic, PacketSpace space, void* user);
  static int on_initiator_key(ngtcp2_conn* quic, PacketSpace space, void* user);
  static int check_parameters(ngtcp2_conn* quic, void* user);
  static int on_crypto(ngtcp2_conn* quic, compat::CryptoLevel level, std::uint64_t offset, const std::uint8_t* data,
                       std::size_t size, void* user);
  static int on_retry(ngtcp2_conn* quic, const ngtcp2_pkt_hd* header, void* user);
  static int on_completed(ngtcp2_conn* quic, void* user);
  static int on_confirmed(ngtcp2_conn* quic, void* user);
  static int on_stream_data(ngtcp2_conn* quic, std::uint32_t flags, std::int64_t stream, std::uint64_t offset,
                            const std::uint8_t* data, std::size_t size, void* user, void* stream_user);
  static int on_acknowledged(ngtcp2_conn* quic, std::int64_t stream, std::uint64_t offset, std::uint64_t size,
                             void* user, void* stream_user);
  static int on_stream_close(ngtcp2_conn* quic, std::uint32_t flags, std::int64_t stream, std::uint64_t code,
                             void* user, void* stream_user);
  static int on_stream_reset(ngtcp2_conn* quic, std::int64_t stream, std::uint64_t size, std::uint64_t code, void* user,
                             void* stream_user);
  static int on_stateless_reset(ngtcp2_conn* quic, const ngtcp2_pkt_stateless_reset* reset, void* user);
  static int new_cid(ngtcp2_conn* quic, ngtcp2_cid* cid, std::uint8_t* token, std::size_t size, void* user);
  static int remove_cid(ngtcp2_conn* quic, const ngtcp2_cid* cid, void* user);
  static int on_key_update(ngtcp2_conn* quic, std::uint8_t* rx_secret, std::uint8_t* tx_secret,
                           ngtcp2_crypto_aead_ctx* rx, std::uint8_t* rx_iv, ngtcp2_crypto_aead_ctx* tx,
                           std::uint8_t* tx_iv, const std::uint8_t* old_rx_secret, const std::uint8_t* old_tx_secret,
                           std::size_t size, void* user);
  static int on_peer_cid(void* user, bool active, const std::uint8_t* token);
  static int path_challenge(ngtcp2_conn* quic, std::uint8_t* data, void* user);
};

}  // namespace mosaik::quic
