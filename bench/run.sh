#!/bin/sh
# Builds the release preset and runs the benchmarks; arguments go to both, e.g. --json.
# Only plain.c has flags of its own: it is what the kernels are compared with.
set -eu
cd "$(dirname "$0")/.."

cmake --preset release >/dev/null
cmake --build --preset release --target lossjit lossjit-llvm >/dev/null

build=build/release
plain_cc=$(command -v clang-19 || command -v clang)
cc=${CC:-cc}
library="-L$build/lib -llossjit -Wl,-rpath,$PWD/$build/lib"

mkdir -p "$build/bench"
"$plain_cc" -std=c11 -O3 -march=native -ffast-math -I. -c bench/plain.c \
  -o "$build/bench/plain.o"
for name in compile_time kernels; do
  # $library is three words on purpose.
  "$cc" -std=c11 -D_GNU_SOURCE -O2 -I. -Iinclude "bench/$name.c" \
    "$build/bench/plain.o" $library -lm -o "$build/bench/$name"
done

status=0
"$build/bench/compile_time" "$@" || status=1
"$build/bench/kernels" "$@" || status=1
exit $status
