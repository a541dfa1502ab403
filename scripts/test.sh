#!/usr/bin/env bash
# Sets everything up, builds a preset (release unless named) and runs its tests; what follows the preset goes to ctest.
#   scripts/test.sh [preset] [ctest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
shift || true

scripts/setup.sh
cmake --preset "$preset" >/dev/null
started=$SECONDS
cmake --build --preset "$preset" -j "$(nproc)"
echo "$preset: compiled in $((SECONDS - started)) s on $(nproc) cores"
ctest --preset "$preset" -j "$(nproc)" "$@"
