#!/bin/sh
# run_test.sh RUN: the door says what it can do, refuses what it cannot, and does no needless work.
set -eu
run=$1
fail() { echo "$1"; exit 1; }

for verb in demo build test sim chaos mutants bench compare fuzz lint setup clean; do
  "$run" help | grep -q "^  $verb" || fail "help does not name $verb"
done
"$run" help | grep -q "usage" || fail "help shows no usage"
status=0
"$run" fly >/dev/null 2>&1 || status=$?
[ $status -eq 64 ] || fail "an unknown verb ends with $status, not 64"
status=0
"$run" setup everything >/dev/null 2>&1 || status=$?
[ $status -eq 64 ] || fail "an unknown choice of setup ends with $status, not 64"
output=$("$run" setup 2>&1) || fail "setup fails where the build has worked: $output"
[ -z "$output" ] || fail "setup finds work to do where the build has worked: $output"
