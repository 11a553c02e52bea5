#!/usr/bin/env bash
# A look with each fuzz target: 20 seconds from its seeds.
. "$(dirname "$0")/lib.sh"
command -v clang++-19 >/dev/null || skip "clang++-19 is not installed"
compgen -G 'fuzz/*.cpp' >/dev/null || skip "there are no fuzz targets"
build fuzz
tools/ci/fuzz_targets.sh 20
