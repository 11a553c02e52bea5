#!/bin/sh
# coverage.sh: line and branch coverage of the cores by unit, golden and simulator tests. The report: build/coverage/report.
# Throw branches are left out: nothing throws across a room, and the compiler makes one for each allocation. So are lines that
# begin with MOSAIK_ASSERT: their other branch ends the process. Nothing else is, but for the few lines whose count two threads
# have spoilt: counting atomically takes forty times as long.
set -eu
cd "$(dirname "$0")/.."
jobs=$(nproc 2>/dev/null || echo 2)
rooms="base types wire crypto identity quic discovery detector bonds groups consensus node runtime api sim"
cores="transport/quic discovery detector bonds groups consensus node"

[ -f build/coverage/build.ninja ] || cmake --preset coverage >/dev/null
targets=""
for room in $rooms; do targets="$targets test_$room"; done
# shellcheck disable=SC2086 # the list is meant to be split
cmake --build build/coverage --parallel "$jobs" --target $targets
find build/coverage -name '*.gcda' -delete
for room in $rooms; do build/coverage/tests/test_"$room" --gtest_brief=1 >/dev/null || { echo "coverage: test_$room failed" >&2; exit 1; }; done
mkdir -p build/coverage/report
filters=""
for room in $cores; do filters="$filters --filter src/$room/"; done
# shellcheck disable=SC2086
gcovr --root . $filters -j "$jobs" --exclude-throw-branches --exclude-unreachable-branches \
  --gcov-ignore-parse-errors \
  --exclude-lines-by-pattern '^\s*MOSAIK_ASSERT\(.*' build/coverage \
  --html-details build/coverage/report/index.html --json-summary build/coverage/report/summary.json --txt | tail -n 120
python3 - build/coverage/report/summary.json <<'END'
import json, sys
total = json.load(open(sys.argv[1]))
line, branch = total["line_percent"], total["branch_percent"]
print(f"cores: {line:.1f} % of the lines (at least 95), {branch:.1f} % of the branches (at least 85)")
sys.exit(line < 95 or branch < 85)
END
