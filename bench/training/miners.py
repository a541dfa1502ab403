#!/usr/bin/env python3
"""Miners of triplets here and open-metric-learning's, in turn, on batches of 256 embeddings of 512 numbers, 8 of each label, one thread each.

    bench/training/miners.py --bench build/release/bench/metrics_bench [--rounds N]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python_compat_fixtures"))
import oml_alone  # noqa: E402, F401
from oml.miners import HardClusterMiner, HardTripletsMiner, NHardTripletsMiner  # noqa: E402

SAMPLES, WIDTH, OF_LABEL = 256, 512, 8
# The names of bench/miners.cpp.
MINERS = {
    "mine/hard": HardTripletsMiner(),
    "mine/n_hard": NHardTripletsMiner(n_positive=2, n_negative=4),
    "mine/hard_cluster": HardClusterMiner(),
}


def of_oml(miner, seconds: float) -> float:
    """Return the seconds of a call, of as many as fit into so many seconds."""
    features, labels = torch.randn(SAMPLES, WIDTH), (torch.arange(SAMPLES) // OF_LABEL).tolist()
    miner.sample(features, labels)
    calls, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        miner.sample(features, labels)
        calls += 1
    return (time.perf_counter() - start) / calls


def of_ours(bench: str, name: str, seconds: float) -> float:
    """Return the same of the benchmark of that name."""
    command = [bench, f"--benchmark_filter=^{name}$", f"--benchmark_min_time={seconds}", "--benchmark_format=json"]
    [found] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["benchmarks"]
    return found["real_time"] * {"us": 1e-6, "ms": 1e-3, "ns": 1e-9}[found["time_unit"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", required=True, help="the program `metrics_bench`")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each measurement")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| miner | open-metric-learning | here | times faster |\n|---|---|---|---|")
    for name, miner in MINERS.items():
        theirs, ours = zip(*((of_oml(miner, options.seconds), of_ours(options.bench, name, options.seconds)) for _ in range(options.rounds)))
        before, now = statistics.median(theirs), statistics.median(ours)
        print(f"| {type(miner).__name__} | {before * 1e3:.2f} ms | {now * 1e3:.2f} ms | {before / now:.1f} |", flush=True)


if __name__ == "__main__":
    main()
