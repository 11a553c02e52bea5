# Third-party libraries, each found once here and linked only by the rooms that DESIGN allows (docs/DEPENDENCIES.md).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(gnutls REQUIRED IMPORTED_TARGET gnutls>=3.7.2)
pkg_check_modules(ngtcp2 REQUIRED IMPORTED_TARGET libngtcp2>=0.12 libngtcp2_crypto_gnutls>=0.12)
pkg_check_modules(blake3 QUIET IMPORTED_TARGET libblake3)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
