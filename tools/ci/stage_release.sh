#!/usr/bin/env bash
# What users run: g++, optimized; unit tests, vectors, layers, headers, consumers of the installed library, examples.
. "$(dirname "$0")/lib.sh"
build release
run_tests release --timeout 600
