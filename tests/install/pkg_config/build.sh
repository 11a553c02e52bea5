#!/bin/sh
# build.sh CXX PREFIX CONSUMER OUTDIR MODULE: compiles and runs the consumer with what pkg-config says.
set -eu
cxx=$1 prefix=$2 consumer=$3 out=$4 module=$5
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name mosaik.pc)")
export PKG_CONFIG_PATH
mkdir -p "$out"
# shellcheck disable=SC2046 # pkg-config's words are meant to be split
"$cxx" -std=c++23 "$consumer" -o "$out/consumer" $(pkg-config --cflags --libs "$module")
"$out/consumer"
