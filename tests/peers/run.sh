#!/bin/sh
# Compare the prelude with Keras, PyTorch and optax: `sh tests/peers/run.sh [--pin]`.
#
# Builds lossjit, installs the libraries of requirements.txt into a virtual environment
# under build/peers, compares, and writes docs/peers.md; with --pin also the small cases
# of tests/data/prelude.json. LOSSJIT_LIBRARY names a liblossjit.so to take instead of
# building one. The last line counts the differences that nothing explains; any of them
# fails.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
. "$root/cmake/setup.sh"
here="$root/tests/peers"
environment="$root/build/peers/venv"

if [ -z "${LOSSJIT_LIBRARY:-}" ]; then
  # shellcheck disable=SC2086,SC2154 # a list of names from setup.sh
  need_packages $build_packages
  build release release
  LOSSJIT_LIBRARY="$root/build/release/lib/liblossjit.so"
fi

# The copy of the requirements is written last: a broken installation is made anew.
if ! cmp -s "$here/requirements.txt" "$environment/installed.txt"; then
  step "virtual environment" python3 -m venv "$environment"
  step "install the libraries" \
    "$environment/bin/pip" install --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" "$environment/installed.txt"
fi

PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
cd "$here"
if [ "${1:-}" = --pin ]; then
  step "write tests/data/prelude.json" \
    "$environment/bin/python" pin.py "$root/tests/data/prelude.json"
fi
"$environment/bin/python" compare.py "$LOSSJIT_LIBRARY" --table "$root/docs/peers.md"
