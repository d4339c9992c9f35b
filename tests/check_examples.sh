#!/bin/sh
# check_examples.sh COMMAND SCRATCH PAGE...: what the pages show is what happens.
#
# Two kinds of code blocks in the Markdown pages are tried, by the word behind their
# fence:
#
#   lossjit  texts of the language, apart by empty lines: `lossjit check` accepts each
#            without a word of warning
#   console  lines `$ lossjit ...`, continued after a backslash, each run by the shell;
#            the lines that follow one, if any, are exactly what it prints
set -eu
command=$1
scratch=$2
shift 2

rm -rf "$scratch"
mkdir -p "$scratch/bin"
ln -s "$command" "$scratch/bin/lossjit"
PATH="$scratch/bin:$PATH"
export PATH

# Cut the pages into numbered files: N.text, or N.command with N.printed. Each begins in
# N.place with where it stands.
awk -v scratch="$scratch" '
  function begin(kind) {
    number++
    base = sprintf("%s/%04d", scratch, number)
    file = base kind
    printf "%s:%d\n", FILENAME, FNR > (base ".place")
    close(base ".place")
  }
  function finish() { if (file) close(file); file = "" }
  FNR == 1 { inside = "" }
  /^```/ {
    finish()
    inside = inside ? "" : substr($0, 4) " "
    next
  }
  inside == "lossjit " && /^[ \t]*$/ { finish(); next }
  inside == "lossjit " { if (!file) begin(".text"); print > file; next }
  inside == "console " && /^\$ lossjit / {
    finish()
    begin(".command")
    print substr($0, 3) > file
    while (/\\$/ && (getline > 0)) print > file
    close(file)
    file = base ".printed"
    next
  }
  inside == "console " && file { print > file }
' "$@"

# The page's words, without the empty lines that part one command from the next.
without_last_empty_lines() {
  awk '/^$/ { empty++; next } { while (empty) { print ""; empty-- } print }' "$1"
}

count=0
failed=0
wrong() {
  failed=$((failed + 1))
  printf '%s: %s\n' "$(cat "${1%.*}.place")" "$2"
  sed 's/^/  /' "$said"
}

cd "$scratch"
said="$scratch/said"
for example in "$scratch"/*.text; do
  [ -e "$example" ] || break
  count=$((count + 1))
  lossjit check "@$example" >"$said" 2>&1 || true
  case $(cat "$said") in
  ok:*) ;;
  *) wrong "$example" "this text is not accepted:" ;;
  esac
done
for example in "$scratch"/*.command; do
  [ -e "$example" ] || break
  count=$((count + 1))
  status=0
  sh "$example" >"$said" 2>&1 </dev/null || status=$?
  if [ "$status" -gt 1 ]; then
    wrong "$example" "this command ends with status $status:"
    continue
  fi
  printed=${example%.command}.printed
  [ -s "$printed" ] || continue
  without_last_empty_lines "$printed" >"$scratch/expected"
  diff -u "$scratch/expected" "$said" >"$scratch/difference" && continue
  said="$scratch/difference"
  wrong "$example" "this is not what the command prints:"
  said="$scratch/said"
done
if [ "$count" -eq 0 ]; then
  echo "no examples found in $*"
  exit 1
fi
echo "$((count - failed)) of $count examples are right"
[ "$failed" -eq 0 ]
