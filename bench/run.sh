#!/bin/sh
# Build lossjit and run its benchmarks: `sh bench/run.sh`, from anywhere; --json for one
# JSON document per program. Installs what is missing, as examples/run.sh does.
#
# Only plain.c has flags of its own: it is what the kernels are compared with, and gets all
# that a compiler can give.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/cmake/setup.sh"

# With --json the steps are told on standard error, so that the output is JSON alone.
{
  # shellcheck disable=SC2086,SC2154 # a list of names from setup.sh
  need_packages $build_packages clang-19
  build release release
} >&2

out="$root/build/release/bench"
libraries="$root/build/release/lib"
mkdir -p "$out"
cd "$root"
clang-19 -std=c11 -O3 -march=native -ffast-math -I. -c bench/plain.c -o "$out/plain.o"
for name in compile_time kernels; do
  "${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -I. -Iinclude "bench/$name.c" "$out/plain.o" \
    "-L$libraries" "-Wl,-rpath,$libraries" -llossjit -lm -o "$out/$name"
done

status=0
"$out/compile_time" "$@" || status=1
"$out/kernels" "$@" || status=1
exit $status
