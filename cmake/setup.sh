# What tests/run.sh and examples/run.sh begin with: packages, builds, and one line on
# the terminal for each step. To be sourced by a POSIX shell with `root` set to the top
# of the tree. Output of the steps goes to build/logs; its end is shown when a step
# fails.

build_packages="cmake ninja-build gcc libc6-dev pkg-config llvm-19-dev libopenblas-dev
  libjansson-dev libcmocka-dev"
check_packages="clang-19 libclang-rt-19-dev"

logs="$root/build/logs"
mkdir -p "$logs"
jobs=$(nproc 2>/dev/null || echo 2)

say() {
  printf '== %s\n' "$*"
}

# step NAME COMMAND...: run a command quietly; on failure show the end of what it said.
step() {
  step_name=$1
  shift
  step_log="$logs/$(printf '%s' "$step_name" | tr -c 'A-Za-z0-9\n' '-').log"
  step_begin=$(date +%s)
  if "$@" >"$step_log" 2>&1 </dev/null; then
    say "$step_name: done in $(($(date +%s) - step_begin)) s"
  else
    step_status=$?
    say "$step_name: FAILED with status $step_status, the end of $step_log:"
    tail -n 60 "$step_log"
    return $step_status
  fi
}

# The packages among the arguments that are not installed.
missing_packages() {
  for package in "$@"; do
    case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
    *" installed") ;;
    *) printf '%s ' "$package" ;;
    esac
  done
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    env DEBIAN_FRONTEND=noninteractive "$@"
  else
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

apt_get() {
  as_root apt-get -y -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@"
}

# Install what is missing of the packages given; nothing is touched if nothing is.
need_packages() {
  if ! command -v dpkg-query >/dev/null 2>&1; then
    say "not a Debian system: taking it that these are installed: $*"
    return 0
  fi
  missing=$(missing_packages "$@")
  if [ -z "$missing" ]; then
    say "packages: all installed"
    return 0
  fi
  say "packages: installing $missing"
  step "apt-get update" apt_get update || return
  # shellcheck disable=SC2086 # a list of names
  step "apt-get install" apt_get install --no-install-recommends $missing
}

# build NAME PRESET [CMAKE-ARGUMENT...]: configure and build into build/NAME.
build() {
  build_name=$1
  preset=$2
  shift 2
  if command -v ninja >/dev/null 2>&1; then
    CMAKE_GENERATOR=${CMAKE_GENERATOR:-Ninja}
    export CMAKE_GENERATOR
  fi
  cd "$root" || return
  step "configure $build_name" cmake --preset "$preset" -B "build/$build_name" "$@" &&
    step "build $build_name" cmake --build "build/$build_name" --parallel "$jobs"
}
