#!/usr/bin/env bash
# Sets everything up, builds, and runs the demo: one number whatever the number of ranks, on handwritten digits.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh --without-fixtures
cmake --preset release >/dev/null
cmake --build --preset release --target digits metrics_cli
exec build/release/examples/digits "$@"
