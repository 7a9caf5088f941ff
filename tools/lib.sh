# Functions shared by the scripts beside this file, which source it; not a command by itself.

# The repository's root, so that every script works from any current directory.
REPO=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)

# The exit codes of flatsweep itself, used by the scripts too.
EXIT_BAD_INPUT=2
EXIT_NO_RESULT=70
EXIT_IO=74
EXIT_RESUMABLE=75

say() { printf '%s\n' "$*" >&2; }

# die [--code N] MESSAGE...
die() {
  local code=1
  if [[ ${1-} == --code ]]; then
    code=$2
    shift 2
  fi
  say "$(basename "$0"): $*"
  exit "$code"
}

# Print the comment at the top of the calling script, which is its help text.
print_usage() { sed -n '2,/^[^#]/{/^#/{s/^# \{0,1\}//;p}}' "$0"; }

# packages_in FILE: its package names, without comments and blank lines.
packages_in() { sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$1"; }

# missing_packages NAME...: those that are not installed, one a line.
missing_packages() {
  local installed
  # dpkg-query exits 1 when it does not know a name, which is an answer here and no failure.
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p' || true)
  comm -23 <(printf '%s\n' "$@" | sort -u) <(sort -u <<<"$installed")
}

# as_root COMMAND...: run it as root, through sudo where we are not.
as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  else
    sudo "$@"
  fi
}

# show_progress REGEX FORMAT: of the lines of standard input that match, FORMAT with what REGEX found; on a terminal always
# on one line, elsewhere the first alone.
show_progress() {
  local line shown=no
  while IFS= read -r line; do
    [[ $line =~ $1 ]] || continue
    if [[ -t 2 ]]; then
      printf "\r$2 " "${BASH_REMATCH[@]:1}" >&2
    elif [[ $shown == no ]]; then
      printf "$2\n" "${BASH_REMATCH[@]:1}" >&2
    fi
    shown=yes
  done
  [[ ! -t 2 || $shown == no ]] || printf '\r%*s\r' 40 '' >&2
}

# logged LOG REGEX FORMAT COMMAND...: run it with its output in LOG, and show its progress; where it fails, the end of what the log has
# behind the last line that begins with "== ".
logged() {
  local log=$1 regex=$2 format=$3
  shift 3
  "$@" 2>&1 | tee -a "$log" | show_progress "$regex" "$format" && return
  say "$(awk '/^== / {text = ""} {text = text $0 "\n"} END {printf "%s", text}' "$log" | grep -Ev -- "$regex" | tail -n 60)"
  return 1
}

# apt_get LOG FORMAT ARGUMENTS...: FORMAT takes its progress in percent, which the log is spared.
apt_get() {
  local log=$1 format=$2 code=0
  shift 2
  # Waits for another apt or dpkg instead of failing on its lock; never stops to ask a question.
  logged "$log" '^[a-z]+status:.*:([0-9]+)[.0-9]*:' "$format" as_root env DEBIAN_FRONTEND=noninteractive apt-get \
    -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -o APT::Status-Fd=1 -o Dpkg::Use-Pty=0 -qq "$@" || code=1
  sed -i -E '/^(dl|pm)status:/d' "$log"
  return $code
}

# install_packages LOG FORMAT ARGUMENTS...: as apt_get; once more where it fails, as where dpkg runs a package's script before it has set up
# what the script needs.
install_packages() {
  apt_get "$@" && return
  say "apt-get failed (its messages are above); trying once more"
  as_root env DEBIAN_FRONTEND=noninteractive dpkg --configure -a >>"$1" 2>&1 || true
  apt_get "$@"
}

# ensure_packages NAME...: install what is missing; without network or root when nothing is.
ensure_packages() {
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
    die "this machine has no apt-get, and tools/ knows Debian only; install the software of tools/packages.txt" \
      "(spack.yaml lists it for clusters), then: cmake --preset release && cmake --build --preset release"
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [[ ${#missing[@]} -gt 0 ]] || return 0
  [[ $EUID -eq 0 ]] || command -v sudo >/dev/null ||
    die "${#missing[@]} Debian packages are missing, and installing them needs root or sudo; ask an administrator for:" \
      "apt-get install --no-install-recommends ${missing[*]}"
  local log=$REPO/build/packages.log install=(install -y --no-install-recommends "${missing[@]}")
  say "installing ${#missing[@]} of Debian's packages and what they need; apt-get's messages: $log"
  mkdir -p "$REPO/build"
  echo "== $(date '+%F %T') tools/${0##*/}: ${missing[*]}" >>"$log"
  apt_get "$log" "reading Debian's lists%.0s" update &&
    apt_get "$log" "downloading packages: %d %%" --download-only "${install[@]}" &&
    install_packages "$log" "installing packages: %d %%" "${install[@]}" ||
    die "apt-get failed (its messages are above, all of them in $log); run this command again once that is put right"
}

# Open MPI refuses to run as root unless both variables are set, as on a fresh virtual machine or in a container.
allow_mpi_as_root() {
  if [[ $EUID -eq 0 ]]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  fi
}

# One BLAS thread a rank: the program sees to it; this spares threads that would stand idle.
# OPENBLAS_CORETYPE, which some machine images preset, forces an older CPU's kernels: other rounding, and half the speed.
set_blas_environment() {
  unset OPENBLAS_CORETYPE
  export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
}

# Hardware threads this process may use. nproc obeys OMP_NUM_THREADS, hence env -u.
thread_count() { env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc; }

# cmake --build reads it. Ninja would start two more compilers than there are processors: on two of them that makes a build a
# sixth longer.
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(thread_count)}

# Cores this process may use: what Open MPI counts as its slots, where there are more hardware threads.
core_count() {
  local threads cores
  threads=$(thread_count)
  cores=$(lscpu -p=core,socket 2>/dev/null | grep -v '^#' | sort -u | wc -l || true)
  echo $((cores > 0 && cores < threads ? cores : threads))
}

# wait_until SECONDS COMMAND...: try it until it succeeds; 1 after that time.
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [[ $SECONDS -lt $end ]] || return 1
    sleep 0.2
  done
}

# has_checkpoints FOLDER: a run there has something to go on from.
has_checkpoints() { compgen -G "$1/work/*/checkpoint.h5" >/dev/null || compgen -G "$1/work/*/done.h5" >/dev/null; }

# expect_same_results FOLDER OTHER: all but the provenance, bit for bit.
expect_same_results() {
  h5diff --exclude-path /provenance "$1/results.h5" "$2/results.h5" || die "the results in $2 differ from those in $1"
  say "$(basename "$2"): equal to the undisturbed run, bit for bit"
}
