#!/usr/bin/env bash
# Faults on real processes, each on a host of its own: the short form.
. "$(dirname "$0")/lib.sh"
build release mosaik_command
run_counted python3 tests/chaos/run.py --mosaik build/release/mosaik
