#!/usr/bin/env bash
# Strangers that break QUIC's rules behind the encryption: against endpoints under the sanitizers, and against nodes as
# real processes.
. "$(dirname "$0")/lib.sh"
passed=0 failed=0 skipped=0

# counted COMMAND...: adds the counts of its last line.
counted() {
  local log counts
  log=$(mktemp)
  "$@" 2>&1 | tee "$log"
  counts=$(grep -aE '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" | tail -n 1)
  if [[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2])) skipped=$((skipped + ${BASH_REMATCH[4]:-0}))
  else
    echo "it ended without a count"
    failed=$((failed + 1))
  fi
  rm -f "$log"
}

build release mosaik_command quic_attack udp_attack member_attack
counted build/release/tests/quic_attack --connections 2000 --jobs "$jobs"
if command -v clang++-19 >/dev/null; then
  build asan-ubsan quic_attack
  counted build/asan-ubsan/tests/quic_attack --connections 1000 --jobs "$jobs"
else
  echo "skipped: clang++-19 is not installed"
  skipped=$((skipped + 1))
fi
counted python3 tests/hostile/run.py --mosaik build/release/mosaik --attack build/release/tests/udp_attack
counted python3 tests/hostile/member.py --mosaik build/release/mosaik --attack build/release/tests/member_attack --seconds 2
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
