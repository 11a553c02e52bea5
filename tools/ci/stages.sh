#!/usr/bin/env bash
# stages.sh: runs every stage within its time limit, prints a line of counts for each, and their sum as the last line.
#
# A stage is a script tools/ci/stage_NAME.sh. The last line it prints that reads `N passed, N failed[, N skipped]` is its
# count. A stage that ends badly without a failure in its count, or that prints none, has one failure. What cannot be run
# here (a tool or a privilege is missing) is counted as skipped, with the reason.
set -u
cd "$(dirname "$0")/../.." || exit 1
mkdir -p build/ci
export CI_JOBS=${CI_JOBS:-$(nproc)}
overall=$((80 * 60))  # what is left of it bounds each stage, so that the sum is printed in any case

passed=0 failed=0 skipped=0

stage() {
  local name=$1 limit=$2 log=build/ci/$1.log status start=$SECONDS counts p=0 f=0 s=0
  [ $((overall - SECONDS)) -lt "$limit" ] && limit=$((overall - SECONDS))
  echo "== stage $name (at most $limit s)"
  if [ "$limit" -le 0 ]; then
    echo "no time is left"
    f=1
  else
    timeout --kill-after=20 "$limit" "tools/ci/stage_$name.sh" </dev/null 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    counts=$(grep -aE '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" | tail -n 1)
    if [[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
      p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[4]:-0}
    fi
    [ "$status" -eq 124 ] || [ "$status" -eq 137 ] && echo "stage $name: the time limit of $limit s was reached"
    if [ "$f" -eq 0 ] && { [ "$status" -ne 0 ] || [ -z "$counts" ]; }; then f=1; fi
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  summary+=("stage $name: $p passed, $f failed, $s skipped in $((SECONDS - start)) s")
  echo "${summary[-1]}"
}

summary=()
stage setup 900
stage release 1800
stage interop 1500
stage sanitize 1500
stage sim 900
stage thread 900
stage fuzz 600
stage hostile 600
stage system 900
stage chaos 300
stage mutants 600

echo "== all stages, $SECONDS s"
printf '%s\n' "${summary[@]}"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
