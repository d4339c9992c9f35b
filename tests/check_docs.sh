#!/bin/sh
# check_docs.sh GENERATOR ROOT SCRATCH: the generated pages in docs/ are those that the
# generator writes, so that they say what the tables say.
set -eu
generator=$1
docs=$2/docs
scratch=$3

rm -rf "$scratch"
mkdir -p "$scratch"
"$generator" "$scratch"
stale=0
for page in "$scratch"/*; do
  diff -u "$docs/${page##*/}" "$page" || stale=$((stale + 1))
done
if [ "$stale" -ne 0 ]; then
  echo "$stale stale pages: write them with 'cmake --build build/release --target docs'"
  exit 1
fi
