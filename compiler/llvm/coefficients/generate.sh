#!/bin/sh
# Run the scripts named on the command line (default: all) and write the header of each.
set -e
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- erf exp gamma log pow tanh
for name in "$@"; do
  sollya "$name.sollya" >"$name.h.new"
  mv "$name.h.new" "$name.h"
done
