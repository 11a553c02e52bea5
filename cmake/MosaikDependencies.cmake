# Third-party libraries, each found once here and linked only by the rooms that docs/DEPENDENCIES.md allows.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# mosaik_system_library(NAME MODULE...): the target PkgConfig::NAME, remembered for the installed package.
macro(mosaik_system_library name)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET ${ARGN})
  set_property(GLOBAL PROPERTY MOSAIK_MODULES_${name} ${ARGN})
endmacro()

mosaik_system_library(sodium libsodium)
mosaik_system_library(gnutls gnutls>=3.7.2)
mosaik_system_library(ngtcp2 libngtcp2>=0.12 libngtcp2_crypto_gnutls>=0.12)
mosaik_system_library(cares libcares>=1.18)
pkg_check_modules(blake3 QUIET IMPORTED_TARGET libblake3)
set_property(GLOBAL PROPERTY MOSAIK_MODULES_blake3 libblake3)
if(MOSAIK_CONTROL)  # for extras/control and tests; the core library has nothing of it
  find_package(Boost 1.81 REQUIRED COMPONENTS json)
endif()
