#!/bin/sh
# bench.sh [name]: all benchmarks that were built, or one.
set -eu
cd "$(dirname "$0")/.."
names="link guard mesh detector processes detection commit peers"

run() {
  case $1 in
    link | guard | mesh | detector) build/bench/bench/"$1" ;;
    processes | detection | peers) python3 bench/"$1".py --mosaik build/bench/mosaik ;;
    commit) python3 bench/commit.py --commit build/bench/bench/commit ;;
    *) echo "no benchmark named '$1'; there are: $names" >&2; exit 64 ;;
  esac
}

if [ $# -gt 0 ]; then
  run "$1"
else
  for name in $names; do run "$name"; done
fi
