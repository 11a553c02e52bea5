#!/usr/bin/env bash
# fuzz_targets.sh SECONDS [NAME]: runs the fuzz targets that were built, as many at a time as there are processors.
# NAME is that of fuzz/fuzz_NAME.cpp. Seeds are in fuzz/corpus/NAME; what is found on the way goes to
# build/fuzz/found/NAME, a crash to build/fuzz/crash/.
. "$(dirname "$0")/lib.sh"
seconds=$1 only=${2:-}
mkdir -p build/fuzz/crash

run_one() {
  local program=$1 seconds=$2 name
  name=$(basename "$program")
  name=${name#fuzz_}
  local found=build/fuzz/found/$name log=build/fuzz/$name.log
  mkdir -p "$found"
  local folders=("$found")
  [ -d "fuzz/corpus/$name" ] && folders+=("fuzz/corpus/$name")
  if "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
      -artifact_prefix="build/fuzz/crash/$name-" "${folders[@]}" >"$log" 2>&1; then
    echo "ok $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
  else
    echo "FAILED $name"
    tail -n 60 "$log"
  fi
}
export -f run_one

results=$(mktemp)
find build/fuzz/fuzz -maxdepth 1 -type f -executable -name "fuzz_${only:-*}" -print0 | sort -z |
  xargs -0 -r -P "$jobs" -I{} bash -c 'run_one "$1" "$2"' - {} "$seconds" | tee "$results"
good=$(grep -c '^ok ' "$results")
bad=$(grep -c '^FAILED ' "$results")
rm -f "$results"
[ $((good + bad)) -gt 0 ] || broken "no fuzz target${only:+ named $only} was built"
echo "$good passed, $bad failed, 0 skipped"
[ "$bad" -eq 0 ]
