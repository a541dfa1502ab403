#!/usr/bin/env python3
"""Trains the same nets on the same digits with two ranks of one thread each, ours and Python's DistributedDataParallel in turn, and prints the time of
an epoch side by side, and what join adds.

    bench/training/run.py --build build/release [--epochs 5] [--turns 3]
"""

import argparse
import gzip
import json
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile

import numpy

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent.parent / "examples" / "digits" / "data"
RANKS = 2


def digits(folder):
    """Writes the shipped training digits as raw numbers."""

    def read(name, header):
        path = next(DATA.glob(name + "*"))
        return numpy.frombuffer((gzip.open if path.suffix == ".gz" else open)(path, "rb").read(), numpy.uint8, offset=header)

    images, labels = folder / "images", folder / "labels"
    (read("train-images", 16).astype(numpy.float32) / 16).tofile(images)
    read("train-labels", 8).astype(numpy.int64).tofile(labels)
    return images, labels


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def rows_of(launcher, command):
    """Runs a command on both ranks with our launcher, and gives what rank 0 printed."""
    environment = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "PATH": "/usr/bin:/bin"}
    result = subprocess.run([launcher, "launch", "-n", str(RANKS), "--", *command], env=environment, capture_output=True, text=True, timeout=1800)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {result.stderr}")
    lines = (line.split("] ", 1)[1] for line in result.stdout.splitlines() if line.startswith("[0] {"))
    return {row["way"]: row for row in map(json.loads, lines)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--models", nargs="*", default=["small", "large"])
    arguments = parser.parse_args()
    launcher = arguments.build / "metrics"
    print("| model | epoch | ours, ms | Python, ms | Python / ours |")
    print("|---|---|---|---|---|")
    costs = []
    with tempfile.TemporaryDirectory() as folder:
        images, labels = digits(pathlib.Path(folder))
        for model in arguments.models:
            rest = [model, str(arguments.epochs), images, labels]
            ours, theirs = {}, {}
            for _ in range(arguments.turns):
                for way, row in rows_of(launcher, [arguments.build / "bench" / "training", *rest]).items():
                    ours.setdefault(way, {**row, "all": []})["all"] += row["seconds"]
                for way, row in rows_of(launcher, [sys.executable, HERE / "theirs.py", *rest]).items():
                    theirs.setdefault(way, {**row, "all": []})["all"] += row["seconds"]
            for way, of_python in (("plain", "plain"), ("join", "join"), ("join, unknown", "join"), ("trainer", "plain")):
                mine, other = (1000 * statistics.median(rows[name]["all"]) for rows, name in ((ours, way), (theirs, of_python)))
                print(f"| {model} | {way} | {mine:.1f} | {other:.1f} | {other / mine:.2f} |", flush=True)
            costs += [(model, way, row) for way, row in ours.items() if way != "trainer"]
            costs += [(model, "Python, " + way, row) for way, row in theirs.items()]
    print("\n| model | an epoch of a rank | collectives | bytes | join's own collectives | bytes |")
    print("|---|---|---|---|---|---|")
    for model, way, row in costs:
        own = (row.get("join_collectives", ""), row.get("join_bytes", ""))
        print(f"| {model} | {way} | {row['collectives']} | {row['bytes']} | {own[0]} | {own[1]} |")


main()
