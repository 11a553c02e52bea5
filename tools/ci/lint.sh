#!/usr/bin/env bash
# Layout and lint of everything that is ours; ends badly when either has something to say.
. "$(dirname "$0")/lib.sh"
status=0
mapfile -t sources < <(git ls-files '*.hpp' '*.cpp')
clang-format-19 --dry-run -Werror "${sources[@]}" || status=1
python3 tools/check_layers.py || status=1
run-clang-tidy-19 -quiet -p build/clang -j "$jobs" "^$PWD/(src|apps|sim)/.*\.cpp$" 2>/dev/null | grep -v '^clang-tidy-19\|^$' || true
[ "${PIPESTATUS[0]}" -eq 0 ] || status=1
exit $status
