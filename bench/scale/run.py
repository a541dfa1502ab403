#!/usr/bin/env python3
"""Values over many rows and ranks: by ranges of the rows, gathered, and in torchmetrics. Prints a table.

    bench/scale/run.py [--build build/release] [--ranks 4] [--rounds 3] [KIND:ROWS …]
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MOST_SECONDS = 300  # for torchmetrics; the table says so where that is not enough


def lines_of(command, seconds):
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return [{"way": "torchmetrics", "text": f"more than {seconds} s"}]
    found = [json.loads(line[line.index("{") :]) for line in result.stdout.splitlines() if "{" in line]
    return found or [{"way": Path(command[-4]).name, "text": f"failed: {result.stderr.strip().splitlines()[-1:]}"}]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=HERE.parent.parent / "build/release", type=Path)
    parser.add_argument("--ranks", default=4, type=int)
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("what", nargs="*", default=["binary:20000000", "collection:20000000", "multiclass:1000000", "spearman:20000000", "retrieval:20000000"])
    arguments = parser.parse_args()
    launch = [str(arguments.build / "metrics"), "launch", "-n", str(arguments.ranks), "--"]
    print("| work | ranks | way | time | memory beyond the states | sent by a rank | collectives |")
    print("|---|---|---|---|---|---|---|")
    for what in arguments.what:
        kind, rows = what.split(":")
        ours = lines_of([*launch, str(arguments.build / "bench/scale"), kind, rows, str(arguments.rounds)], 600)
        theirs = lines_of([*launch, sys.executable, str(HERE / "theirs.py"), kind, rows, "1"], MOST_SECONDS)
        for line in ours + theirs:
            if "text" in line:
                print(f"| {kind}, {rows} | {arguments.ranks} | {line['way']} | {line['text']} | | | |", flush=True)
                continue
            sent = f"{line['sent_megabytes']:.3g} MB | {line['collectives']}" if "sent_megabytes" in line else " | "
            print(f"| {kind}, {rows} | {line['ranks']} | {line['way']} | {line['seconds']:.3g} s | {line['megabytes']:.4g} MB | {sent} |", flush=True)


if __name__ == "__main__":
    main()
