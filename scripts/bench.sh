#!/usr/bin/env bash
# Sets everything up, builds, and runs the benchmarks: the suites of bench/, then the same work beside torchmetrics.
#   scripts/bench.sh                                both
#   scripts/bench.sh suites [Google Benchmark arguments]
#   scripts/bench.sh torchmetrics [arguments of bench/vs_torchmetrics/run.py]
set -euo pipefail
cd "$(dirname "$0")/.."

part=${1:-all}
[ $# -eq 0 ] || shift
case $part in
  all | suites | torchmetrics) ;;
  *)
    echo "bench: '$part' is neither 'suites' nor 'torchmetrics'" >&2
    exit 2
    ;;
esac

scripts/setup.sh
cmake --preset release >/dev/null
cmake --build --preset release -j "$(nproc)" --target metrics_bench vs_torchmetrics
# Waiting threads that spin would take the cores from those that work.
export OMP_WAIT_POLICY=passive
[ "$part" = torchmetrics ] || build/release/bench/metrics_bench "$@"
[ "$part" = suites ] || .venv/bin/python bench/vs_torchmetrics/run.py "$@"
