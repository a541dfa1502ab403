#!/usr/bin/env bash
# Sets everything up, builds, and runs the benchmarks: the suites of bench/, then the same work beside torchmetrics.
#   scripts/bench.sh [Google Benchmark arguments]
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh
cmake --preset release >/dev/null
cmake --build --preset release -j "$(nproc)"
# Waiting threads that spin would take the cores from those that work.
export OMP_WAIT_POLICY=passive
build/release/bench/metrics_bench "$@"
.venv/bin/python bench/vs_torchmetrics/run.py
