#!/usr/bin/env bash
# counts_test.sh ROOT: the sum of the stages is right, also when a stage fails, hangs or says nothing.
set -u
root=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/tools/ci"
cp "$root"/tools/ci/{stages.sh,lib.sh,count_junit.py} "$tree/tools/ci/"
fail() { echo "$1"; cat "$tree/out"; exit 1; }

write() { printf '#!/usr/bin/env bash\n. "$(dirname "$0")/lib.sh"\n%s\n' "$2" >"$tree/tools/ci/stage_$1.sh"; chmod +x "$tree/tools/ci/stage_$1.sh"; }
names=$(sed -n 's/^stage \([a-z]*\) [0-9]*$/\1/p' "$tree/tools/ci/stages.sh")
n=$(echo "$names" | wc -l)
[ "$n" -ge 8 ] || { echo "only $n stages"; exit 1; }
good() { for name in $names; do write $name 'echo "2 passed, 0 failed, 1 skipped"'; done; }
sum() { "$tree/tools/ci/stages.sh" >"$tree/out" 2>&1; status=$?; last=$(tail -n 1 "$tree/out"); }

good; sum
[ "$last" = "$((2 * n)) passed, 0 failed, $n skipped" ] && [ $status -eq 0 ] || fail "good stages: '$last', status $status"

write fuzz 'echo "2 passed, 3 failed"; exit 1'; sum
[ "$last" = "$((2 * n)) passed, 3 failed, $((n - 1)) skipped" ] && [ $status -eq 1 ] || fail "counted failures: '$last', status $status"

good; write fuzz 'echo "5 passed, 0 failed, 0 skipped"; exit 3'; sum
[ "$last" = "$((2 * n + 3)) passed, 1 failed, $((n - 1)) skipped" ] && [ $status -eq 1 ] || fail "a bad end with good counts: '$last', status $status"

good; write fuzz 'true'; sum
[ "$last" = "$((2 * n - 2)) passed, 1 failed, $((n - 1)) skipped" ] && [ $status -eq 1 ] || fail "a silent stage: '$last', status $status"

good; write fuzz 'broken "no reason"'; write system 'skip "no privilege"'; sum
[ "$last" = "$((2 * n - 4)) passed, 1 failed, $((n - 1)) skipped" ] && [ $status -eq 1 ] || fail "broken and skipped: '$last', status $status"

good; sed -i 's/^stage fuzz .*/stage fuzz 1/' "$tree/tools/ci/stages.sh"; write fuzz 'exec tail -f /dev/null'; sum
[ "$last" = "$((2 * n - 2)) passed, 1 failed, $((n - 1)) skipped" ] && [ $status -eq 1 ] || fail "a stage that hangs: '$last', status $status"

cat >"$tree/report.xml" <<'END'
<testsuite tests="5"><testcase name="a" status="run"/><testcase name="b" status="fail"><failure message="x"/></testcase>
<testcase name="c" status="disabled"/><testcase name="d" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/></testcase>
<testcase name="e" status="notrun"><skipped message="Unable to find executable"/></testcase></testsuite>
END
"$tree/tools/ci/count_junit.py" "$tree/report.xml" >"$tree/out"; status=$?
[ "$(tail -n 1 "$tree/out")" = "1 passed, 2 failed, 2 skipped" ] && [ $status -eq 1 ] || fail "a report of five, status $status"
