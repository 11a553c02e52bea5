# Helpers of the stages; to be sourced.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
mkdir -p build/ci
jobs=${CI_JOBS:-$(nproc)}

# skip REASON: the stage cannot run here.
skip() {
  echo "skipped: $1"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
}

# broken REASON: the stage should run here, and cannot.
broken() {
  echo "failed: $1"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
}

# build PRESET [TARGET...]: configures when needed and builds, showing only what goes wrong.
build() {
  local preset=$1
  shift
  cmake --preset "$preset" >build/ci/configure-"$preset".log 2>&1 || { cat build/ci/configure-"$preset".log; broken "cmake --preset $preset"; }
  local targets=()
  [ $# -gt 0 ] && targets=(--target "$@")
  cmake --build "build/$preset" --parallel "$jobs" "${targets[@]}" -- --quiet || broken "the $preset build"
}

# run_tests PRESET [ctest arguments]: runs and counts.
run_tests() {
  local preset=$1 report=$PWD/build/ci/$1.xml
  shift
  rm -f "$report"
  ctest --test-dir "build/$preset" --parallel "$jobs" --output-on-failure --no-tests=ignore --output-junit "$report" "$@"
  [ -f "$report" ] || broken "ctest wrote no report"
  tools/ci/count_junit.py "$report"
}

# run_counted COMMAND...: a program that prints its own counts; without them its exit status is one test.
run_counted() {
  local log status
  log=$(mktemp)
  "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  if ! grep -qaE '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log"; then
    if [ "$status" -eq 0 ]; then echo "1 passed, 0 failed, 0 skipped"; else echo "0 passed, 1 failed, 0 skipped"; fi
  fi
  rm -f "$log"
  return "$status"
}
