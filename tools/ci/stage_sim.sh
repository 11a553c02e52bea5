#!/usr/bin/env bash
# The simulator: fresh seeds in both tiers, some of them twice, and a few under every compiler that other stages have used.
. "$(dirname "$0")/lib.sh"
build release mosaik_sim_command
passed=0 failed=0 skipped=0

# farm LABEL ARGUMENTS...: its last line counts.
farm() {
  local label=$1 log
  log=$(mktemp)
  shift
  echo "-- $label"
  build/release/mosaik-sim "$@" --jobs "$jobs" 2>&1 | tee "$log"
  local counts
  counts=$(grep -aE '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1)
  if [[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
  else
    echo "the farm ended without a count"
    failed=$((failed + 1))
  fi
  rm -f "$log"
}

farm "links tier, fresh seeds" --fresh 2000 --twice 5 --probes --report build/ci/sim-links.json
farm "links tier, replicated machines, fresh seeds" --scenario 'raft-*' --fresh 2000 --twice 2 --report build/ci/sim-raft.json
farm "quic tier, fresh seeds" --fresh 200 --tier quic --twice 5 --report build/ci/sim-quic.json

# The same seeds must go the same way whatever compiled them.
digests() { "$1" --seeds 1..40 --jobs "$jobs" --digests | grep -a '^digest' | sort; }
digests build/release/mosaik-sim >build/ci/digests-release

# Structure may change, what nodes do may not: the events of a sample of tests/sim/digests.txt are the same as ever.
echo "-- canonical digests"
if tools/check_digests.py --mosaik-sim build/release/mosaik-sim --sample 60 --jobs "$jobs"; then
  passed=$((passed + 1))
else
  failed=$((failed + 1))
fi
for preset in clang asan-ubsan; do
  if ! command -v clang++-19 >/dev/null; then
    echo "skipped: clang++-19 is not installed"
    skipped=$((skipped + 1))
    continue
  fi
  [ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" >"build/ci/configure-$preset.log" 2>&1
  if ! cmake --build "build/$preset" --parallel "$jobs" --target mosaik_sim_command -- --quiet; then
    echo "failed: the $preset build"
    failed=$((failed + 1))
    continue
  fi
  digests "build/$preset/mosaik-sim" >"build/ci/digests-$preset"
  if diff build/ci/digests-release "build/ci/digests-$preset"; then
    echo "ok: 40 seeds have the same digests under $preset"
    passed=$((passed + 1))
  else
    echo "FAILED: a seed goes another way under $preset"
    failed=$((failed + 1))
  fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
