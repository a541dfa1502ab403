#!/usr/bin/env bash
# Sets everything up, builds a preset (release unless named) and runs its tests; what follows the preset goes to ctest. The seconds of each part are
# appended to the file that METRICS_TIMES names, if it is set.
#   scripts/test.sh [preset] [ctest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
shift || true

timed() {
  local part=$1 started=$SECONDS status=0
  shift
  "$@" || status=$?
  echo "$preset: $part took $((SECONDS - started)) s on $(nproc) cores"
  [ -z "${METRICS_TIMES:-}" ] || echo "$preset $part $((SECONDS - started))" >>"$METRICS_TIMES"
  return "$status"
}

timed setup scripts/setup.sh
timed configure cmake --preset "$preset" >/dev/null
timed compile cmake --build --preset "$preset" -j "$(nproc)"
timed tests ctest --preset "$preset" -j "$(nproc)" "$@"
