#!/bin/sh
# setup.sh [all]: installs what is missing, through apt. Says nothing and costs nothing when all is there.
# `a|b`: either will do; the first that this system knows is installed.
set -eu

packages="g++ ccache cmake ninja-build pkg-config|pkgconf python3 libngtcp2-dev libngtcp2-crypto-gnutls-dev libgnutls28-dev
  libsodium-dev libc-ares-dev libboost-json1.81-dev|libboost-json-dev libboost1.81-dev|libboost-dev libfmt-dev libspdlog-dev
  libcli11-dev libtomlplusplus-dev libgtest-dev libgmock-dev"
more="clang-19 libclang-rt-19-dev clang-tidy-19 clang-format-19 libbenchmark-dev binutils iproute2 nftables conntrack gcovr doxygen valgrind"

case ${1:-} in
  "") ;;
  all) packages="$packages $more" ;;
  *) echo "usage: ./run setup [all]" >&2; exit 64 ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
  # Not a Debian: CMake will name what it does not find.
  echo "setup: no dpkg here; see docs/DEPENDENCIES.md for what has to be installed" >&2
  exit 0
fi

# shellcheck disable=SC2086 # the list is meant to be split
installed=" $(echo $packages | tr '|' ' ' | xargs dpkg-query -W -f '${db:Status-Status}=${Package} ' 2>/dev/null || true)"
missing=""
for choice in $packages; do
  there=false
  for package in $(echo "$choice" | tr '|' ' '); do
    case $installed in *" installed=$package "*) there=true ;; esac
  done
  $there || missing="$missing $choice"
done
[ -n "$missing" ] || exit 0

# pick: the packages to install, the first known of each choice; fails when this system knows none of one.
pick() {
  chosen=""
  for choice in $missing; do
    known=""
    for package in $(echo "$choice" | tr '|' ' '); do
      if [ -z "$known" ] && apt-cache show "$package" >/dev/null 2>&1; then known=$package; fi
    done
    [ -n "$known" ] || return 1
    chosen="$chosen $known"
  done
}

if [ "$(id -u)" -eq 0 ]; then
  as_root=""
elif command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
  as_root="sudo"
else
  pick || chosen=$(echo "$missing" | sed 's/|[^ ]*//g')
  echo "setup: these packages are missing and there is no way to become root; run as root:" >&2
  echo "  apt-get update && apt-get install -y --no-install-recommends$chosen" >&2
  exit 1
fi

apt() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >/dev/null; }
install() { apt install -y --no-install-recommends $chosen </dev/null; }

if ! pick; then
  apt update
  updated=true
  pick || { echo "setup: this system knows no package for:$missing; see docs/DEPENDENCIES.md" >&2; exit 1; }
fi
echo "setup: installing$chosen" >&2
if ! install; then
  # Old package lists name files that are gone.
  if [ -n "${updated:-}" ]; then exit 1; fi
  apt update
  install
fi
