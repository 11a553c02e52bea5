#!/usr/bin/env bash
# Real processes on this computer: kill, stop, restart, cut.
. "$(dirname "$0")/lib.sh"
[ -f tests/system/run.py ] || skip "there is no tests/system/run.py"
build release mosaik_command
run_counted python3 tests/system/run.py --mosaik build/release/mosaik
