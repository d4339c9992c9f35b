#!/bin/sh
# check_layering.sh ROOT: who may include whom, read from the #include lines of the
# tree.
#
# The table below is the rule: a folder, then what its files may include. `system` is
# the C library and POSIX, `public` the headers in include/, and a folder's name stands
# for the headers in it; a folder without a line belongs to the one that it lies in.
# Whatever is not allowed is printed and the check fails.
set -eu
cd "$1"

rules='
  grammar
  include        public system
  compiler       compiler grammar public runtime system
  compiler/llvm  compiler/llvm compiler grammar public runtime/abi.h llvm system
  runtime        runtime public system
  runtime/train  runtime/train public blas json system
  cli            cli public json system
  bench          bench public blas json system
  examples       examples public blas json system
  docs           docs compiler grammar cli public system
'

# Lines `FILE:INCLUDED`, the latter with its quotes or angles.
includes() {
  find grammar include compiler runtime cli bench examples docs -type f \
    \( -name '*.[ch]' -o -name '*.def' -o -name '*.loss' -o -name '*.ebnf' \) \
    -exec awk '
      /^[ \t]*#[ \t]*include[ \t]*["<]/ {
        sub(/^[ \t]*#[ \t]*include[ \t]*/, "")
        match($0, /^["<][^">]*[">]/)
        print FILENAME ":" substr($0, 1, RLENGTH)
      }' {} +
}

# Read such lines; print the forbidden ones.
judge() {
  awk -v rules="$rules" '
    BEGIN {
      lines = split(rules, line, "\n")
      for (i = 1; i <= lines; i++) {
        words = split(line[i], word, " ")
        if (words > 0) known[word[1]] = 1
        for (k = 2; k <= words; k++) allowed[word[1], word[k]] = 1
      }
    }
    function parent_of(path) { sub(/\/[^\/]*$/, "", path); return path }
    function folder_of(path) {
      path = parent_of(path)
      while (!(path in known) && path ~ /\//) path = parent_of(path)
      return path
    }
    function kind_of(name, quoted) {
      if (name ~ /^lossjit(_train)?\.h$/) return "public"
      if (name ~ /^llvm(-c)?\//) return "llvm"
      if (name ~ /^(cblas|cblas-openblas|openblas_config)\.h$/) return "blas"
      if (name ~ /^jansson/) return "json"
      return quoted ? folder_of(name) : "system"
    }
    {
      split($0, part, ":")
      name = substr(part[2], 2, length(part[2]) - 2)
      folder = folder_of(part[1])
      kind = kind_of(name, part[2] ~ /^"/)
      if (!((folder, kind) in allowed) && !((folder, name) in allowed))
        printf "%s: includes %s, which %s/ may not\n", part[1], part[2], folder
    }'
}

# The check itself is checked first: it has to see each of these.
planted='compiler/graph.c:<llvm-c/Core.h>
compiler/check.c:"compiler/llvm/ir.h"
compiler/check.c:"base.h"
compiler/llvm/emit.c:"runtime/loader.h"
grammar/operators.def:<math.h>
runtime/loader.c:"compiler/base.h"
runtime/train/dense.c:"runtime/loader.h"
cli/main.c:"compiler/base.h"
examples/train.c:"runtime/train/dense.h"'
seen=$(printf '%s\n' "$planted" | judge | wc -l)
if [ "$seen" -ne 9 ]; then
  echo "check_layering.sh sees $seen of the 9 planted violations"
  exit 1
fi

found=$(includes)
forbidden=$(printf '%s\n' "$found" | judge)
if [ -n "$forbidden" ]; then
  printf '%s\n' "$forbidden"
  exit 1
fi
echo "$(printf '%s\n' "$found" | wc -l) include lines keep to the layers"
