#!/bin/sh
# Build lossjit and run its examples: `sh examples/run.sh`, from anywhere.
#
# On Debian 12, as root or with sudo, it first installs the packages that are missing.
# After that it takes under two minutes. Each example shows the command it runs.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$root/cmake/setup.sh"

# shellcheck disable=SC2086,SC2154 # a list of names from setup.sh
need_packages $build_packages
build release release
lossjit="$root/build/release/bin/lossjit"

# ---- the examples ----------------------------------------------------------------------

loss='sum(square(y_pred - y_true)*[0.3, 0.7], axis=1)'
trained="$root/build/logs/train.txt"

title() {
  printf '\n---- %s\n' "$*"
}

# Show a command as it would be typed, then run it.
show() {
  printf '\n$ lossjit'
  for word in "$@"; do
    case $word in
    *[!A-Za-z0-9_=./-]*) printf " '%s'" "$word" ;;
    *) printf ' %s' "$word" ;;
    esac
  done
  printf '\n'
  "$lossjit" "$@"
}

# The same for a text that is wrong: the compiler must say so.
show_wrong() {
  if show check "$1" 2>&1; then
    say "this should have been refused"
    exit 1
  fi
}

# Train a model, keep what it printed, and show the network, the first epoch, the last
# three and how fast it went.
train() {
  printf '\n$ lossjit train %s\n' "$1"
  "$lossjit" train "$root/$1" >"$trained"
  awk '/^epoch/ { if (++n == 1) print; last[n % 3] = $0; next }
       n { print "..."; for (i = n - 2; i <= n; i++) print last[i % 3] }
       { print }' "$trained"
}

# The first and the last value of a column of the training's lines: "first last".
column() {
  awk -v name="$1" '{ for (i = 1; i < NF; i++) if ($i == name) { v = $(i + 1)
                      if (first == "") first = v } } END { print first, v }' "$trained"
}

title "(a) a weighted squared error: loss, gradient, derivative, plan of its kernel"
show eval "$loss" 'y_pred=[[1, 2], [3, 4]]' 'y_true=[[0, 0], [3, 5]]' --grad
show show "$loss" --stage gradient
show show "$loss" --stage plan

title "(b) a network trained with it: fuel consumption and acceleration of cars"
train examples/auto_mpg.json
column val_loss | awk '{ printf "validation loss: %s at first, %s at last, %.2f of it\n",
                                $1, $2, $2 / $1; exit !($2 <= 0.4 * $1) }'

title "(c) hand-written digits, categorical crossentropy and Adam"
train examples/digits.json
column val_accuracy | awk '{ printf "validation accuracy: %.1f %%\n", 100 * $2
                             exit !($2 >= 0.96) }'

title "(d) losses that are wrong, and what the compiler says"
show_wrong 'y_pred: f32[batch, 2]; sum(square(y_pred - y_true)*[0.3, 0.7, 0.1], axis=1)'
show_wrong 'y_pred: f32[batch, 1]; y_true: f32[batch]; square(y_pred - y_true)'
show_wrong 'mean(square(round(y_pred) - y_true), axis=-1)'

title "(e) the same from a C program: examples/embed.c"
cc=${CC:-cc}
"$cc" -std=c11 -I"$root/include" "$root/examples/embed.c" -L"$root/build/release/lib" \
  -Wl,-rpath,"$root/build/release/lib" -llossjit -o "$root/build/release/bin/embed"
"$root/build/release/bin/embed"
