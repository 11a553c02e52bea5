#!/usr/bin/env bash
# The other compiler, with address and undefined-behaviour sanitizers, over all unit tests.
. "$(dirname "$0")/lib.sh"
command -v clang++-19 >/dev/null || skip "clang++-19 is not installed"
build asan-ubsan
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
run_tests asan-ubsan --timeout 300
