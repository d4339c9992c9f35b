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

"$lossjit" --help
