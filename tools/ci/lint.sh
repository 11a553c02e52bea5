#!/usr/bin/env bash
# lint.sh [REGEX]: layout and lint of everything that is ours; ends badly when either has something to say.
# REGEX names the sources that clang-tidy looks at; without it all of them, which takes two cores twenty minutes.
. "$(dirname "$0")/lib.sh"
status=0
mapfile -t sources < <(git ls-files '*.hpp' '*.cpp')
clang-format-19 --dry-run -Werror "${sources[@]}" || status=1
python3 tools/check_layers.py || status=1
log=$PWD/build/ci/lint.log
run-clang-tidy-19 -quiet -p build/clang -j "$jobs" "${1:-^$PWD/(src|extras|apps|sim)/.*\.cpp$}" >"$log" 2>&1 || {
  grep -vE '^(\[ *[0-9]+/[0-9]+\].*)?clang-tidy-19 |warnings? (generated|treated)|^$' "$log"
  status=1
}
# A pattern that fits nothing, or a tool that did not run, must not look like a clean tree.
grep -q 'clang-tidy-19 .*\.cpp$' "$log" || { echo "clang-tidy looked at nothing; see $log" >&2; status=1; }
exit $status
