#!/bin/sh
# check_symbols.sh NM FILE...: what names leave the libraries.
#
# A shared library (.so) exports only `lossjit_*`, the back end exactly
# `lossjit_backend`. In an archive (.a) of our own objects every name with linkage is
# `lossjit_*` or `lj_*`, so that a static build cannot collide with a host's names; and
# no two archives define the same one.
set -eu
nm=$1
shift
wrong=0
archived=''

complain() {
  printf '%s: %s\n' "$1" "$2"
  wrong=1
}

for file in "$@"; do
  case $file in
  *.a)
    names=$("$nm" -g --defined-only "$file" | awk 'NF == 3 { print $3 }')
    archived="$archived $names"
    ;;
  *) names=$("$nm" -D --defined-only "$file" | awk '{ print $NF }') ;;
  esac
  [ -n "$names" ] || complain "$file" "exports nothing"
  for name in $names; do
    case $file:$name in
    *liblossjit-llvm.so:lossjit_backend) ;;
    *liblossjit-llvm.so:*) complain "$file" "exports $name" ;;
    *:lossjit_* | *.a:lj_*) ;;
    *) complain "$file" "exports $name" ;;
    esac
  done
done

# shellcheck disable=SC2086 # a list of names
twice=$(printf '%s\n' $archived | sort | uniq -d)
[ -z "$twice" ] || complain "archives" "defined twice: $twice"
[ $wrong -eq 0 ] && echo "only lossjit_* leaves $# files"
exit $wrong
