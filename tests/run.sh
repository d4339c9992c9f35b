#!/bin/sh
# Build lossjit in every configuration and run its tests: `sh tests/run.sh`, from
# anywhere.
#
# On Debian 12, as root or with sudo, it first installs the packages that are missing.
# Then: release with gcc and its tests; the same with clang, built only; address and
# undefined-behaviour sanitizers with their tests (leaks included); the thread sanitizer
# with its tests. Warnings are errors throughout. The last line gives the totals over
# all configurations, `N passed, N failed`; a build that fails counts as one failure.
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd) || exit 1
. "$root/cmake/setup.sh"

passed=0
failed=0

# finish FAILURES: the last line; never returns.
finish() {
  failed=$((failed + $1))
  printf '%s passed, %s failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ]
  exit
}

# run_tests NAME [WRAPPER...]: ctest in build/NAME; adds to the totals.
run_tests() {
  tested=$1
  shift
  report="$logs/ctest-$tested.log"
  begin=$(date +%s)
  "$@" ctest --test-dir "$root/build/$tested" --output-on-failure --no-tests=error \
    --parallel "$jobs" >"$report" 2>&1 </dev/null
  status=$?
  totals=$(sed -n 's/^.*, \([0-9]*\) tests failed out of \([0-9]*\)$/\1 \2/p' "$report")
  now_failed=${totals% *}
  now_all=${totals#* }
  if [ -z "$totals" ]; then
    now_failed=1
    now_all=1
  fi
  passed=$((passed + now_all - now_failed))
  failed=$((failed + now_failed))
  say "test $tested: $((now_all - now_failed)) passed, $now_failed failed" \
    "in $(($(date +%s) - begin)) s"
  if [ "$status" -ne 0 ]; then
    [ "$now_failed" -gt 0 ] || failed=$((failed + 1))
    tail -n 200 "$report"
  fi
}

# configuration NAME PRESET COMPILER TEST...: build, then run TEST (a command) if it
# builds.
configuration() {
  name=$1
  with=$2
  compiler=$3
  shift 3
  if build "$name" "$with" -DCMAKE_C_COMPILER="$compiler" -DLOSSJIT_WERROR=ON; then
    "$@"
  else
    failed=$((failed + 1))
  fi
}

# Sanitizers reserve fixed parts of the address space; a kernel that randomises with
# more bits than they expect must be asked not to, where it lets itself be asked.
fixed_addresses="env"
if setarch "$(uname -m)" -R true >/dev/null 2>&1; then
  fixed_addresses="setarch $(uname -m) -R"
fi

# shellcheck disable=SC2086 # lists of words
{
  need_packages $build_packages $check_packages || finish 1
  configuration release release gcc run_tests release
  configuration clang release clang-19 :
  configuration asan asan clang-19 run_tests asan $fixed_addresses
  configuration tsan tsan clang-19 run_tests tsan $fixed_addresses
}

finish 0
