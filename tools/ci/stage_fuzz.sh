#!/usr/bin/env bash
# A look with each fuzz target: 20 seconds from its seeds.
. "$(dirname "$0")/lib.sh"
command -v clang++-19 >/dev/null || skip "clang++-19 is not installed"
targets=()
for source in fuzz/fuzz_*.cpp; do
  [ -f "$source" ] && targets+=("$(basename "$source" .cpp)")
done
[ ${#targets[@]} -gt 0 ] || skip "there are no fuzz targets"
build fuzz "${targets[@]}"
tools/ci/fuzz_targets.sh 20
