#!/usr/bin/env bash
# Thread sanitizer over the rooms that have threads.
. "$(dirname "$0")/lib.sh"
command -v clang++-19 >/dev/null || skip "clang++-19 is not installed"
rooms='udp runtime control api'
targets=()
for room in $rooms; do
  compgen -G "tests/$room/*_test.cpp" >/dev/null || broken "tests/$room has no tests"
  targets+=("test_$room")
done
build tsan "${targets[@]}"
run_tests tsan --timeout 300 -R "^(${rooms// /|})\."
