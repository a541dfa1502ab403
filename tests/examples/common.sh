# What the scripts that play examples share: `program`, `metrics` and a folder `work` that goes with the script.
set -euo pipefail
name=$(basename "$0" .sh) program=$1 metrics=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "$name: $*"
  exit 1
}

# Runs the program on so many ranks, and gives what rank 0 prints, without its number.
on_ranks() {
  local ranks=$1
  shift
  "$metrics" launch -n "$ranks" -- "$program" "$@" | sed 's/^\[0\] //'
}
