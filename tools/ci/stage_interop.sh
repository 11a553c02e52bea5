#!/usr/bin/env bash
# Against nodes of the Rust crate. The peer is built once from pinned versions and kept in the user's cache.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:$HOME/.cargo/bin
[ -f tests/interop/run.py ] || skip "there is no tests/interop/run.py"
if ! command -v cargo >/dev/null; then
  [ "${CI:-}" = true ] && broken "cargo is not installed, and interop is required here"
  skip "cargo is not installed"
fi
version=$(cargo --version | sed 's/^cargo //; s/ .*//')
if [ "$(printf '%s\n' 1.93.0 "$version" | sort -V | head -n 1)" != 1.93.0 ]; then
  [ "${CI:-}" = true ] && broken "cargo $version is older than 1.93, and interop is required here"
  skip "cargo $version is older than 1.93, which the crate needs"
fi
build release mosaik_command interop_probe
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mosaik/rustpeer
echo "building rustpeer into the cache: about six minutes the first time"
mkdir -p "$cache"
rustpeer=$(tests/interop/rustpeer/build "$cache" | tail -n 1) || broken "rustpeer does not build"
[ -x "$rustpeer" ] || broken "rustpeer does not build"
run_counted python3 tests/interop/run.py --mosaik build/release/mosaik --probe build/release/tests/interop_probe --rustpeer "$rustpeer"
