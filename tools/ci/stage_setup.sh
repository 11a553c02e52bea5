#!/usr/bin/env bash
# What the stages need is installed, and a second look has nothing to do.
. "$(dirname "$0")/lib.sh"
tools/setup.sh all || broken "packages could not be installed"
tools/setup.sh all 2>&1 | grep . && broken "a second setup found work to do"
echo "1 passed, 0 failed, 0 skipped"
