#!/usr/bin/env bash
# Three of the mutants, drawn anew each time; `./run mutants` tries all.
. "$(dirname "$0")/lib.sh"
run_counted python3 tools/mutants.py --sample 3
