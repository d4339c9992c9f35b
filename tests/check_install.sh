#!/bin/sh
# check_install.sh CMAKE BUILD CC: installed, lossjit serves a program that knows only
# what pkg-config says, and finds its back end beside itself.
set -eu
cmake=$1
build=$2
cc=$3
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
stage="$build/installed"

rm -rf "$stage"
"$cmake" --install "$build" --prefix "$stage" >/dev/null
pc=$(find "$stage" -name lossjit.pc)
library=${pc%/pkgconfig/lossjit.pc}

# The file's own prefix is where the package will live; here it lies in a trial folder,
# whose name may hold spaces, so the flags are checked by name and given by hand.
flags=$(PKG_CONFIG_PATH="${pc%/lossjit.pc}" pkg-config --cflags --libs lossjit)
case $flags in
*-llossjit*) ;;
*) echo "pkg-config says '$flags'" && exit 1 ;;
esac

"$cc" -std=c11 -pedantic -Wall -Wextra -Werror "$here/installed/client.c" \
  -I"$stage/include" -L"$library" -llossjit -Wl,-rpath,"$library" -o "$stage/client"

# Nothing may be found by way of the build.
unset LD_LIBRARY_PATH
said=$("$stage/client")
if [ "$said" != "0.25 4, 1 -4" ]; then
  echo "the installed library computes '$said'"
  exit 1
fi
"$stage/bin/lossjit" --version
