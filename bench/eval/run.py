#!/usr/bin/env python3
"""Binary AUROC and accuracy over a pair of .npy files, by `metrics eval`, by NumPy with scikit-learn and by torchmetrics: seconds, and the most
memory beyond the maps of the files (anonymous pages of all processes together, looked at every 10 ms).

    bench/eval/run.py --metrics build/release/metrics --rows 100000000 --processes 1 2
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NUMPY = """
import json, sys
import numpy as np
from sklearn.metrics import roc_auc_score
preds, target = (np.load(path, mmap_mode="r") for path in sys.argv[1:])
print(json.dumps({"BinaryAccuracy": float(((preds > 0.5) == target).mean()), "BinaryAUROC": float(roc_auc_score(target, preds))}))
"""

TORCHMETRICS = """
import json, sys
import numpy as np, torch
from torchmetrics.classification import BinaryAccuracy, BinaryAUROC
preds, target = (np.load(path, mmap_mode="r") for path in sys.argv[1:])
metrics = {"BinaryAccuracy": BinaryAccuracy(), "BinaryAUROC": BinaryAUROC()}
for first in range(0, len(preds), 65536):
    batch = [torch.from_numpy(np.array(column[first:first + 65536])) for column in (preds, target)]
    for metric in metrics.values():
        metric.update(*batch)
print(json.dumps({name: metric.compute().item() for name, metric in metrics.items()}))
"""


def write_pair(folder, rows):
    """Scores that say something of the labels; written in blocks, so that this program needs no memory for them."""
    import numpy as np

    generator = np.random.default_rng(1)
    preds = np.lib.format.open_memmap(folder / "preds.npy", "w+", np.float32, (rows,))
    target = np.lib.format.open_memmap(folder / "target.npy", "w+", np.int64, (rows,))
    for first in range(0, rows, 1 << 20):
        count = min(1 << 20, rows - first)
        scores = generator.random(count, dtype=np.float32)
        preds[first:first + count] = scores
        target[first:first + count] = generator.random(count, dtype=np.float32) < scores
    return folder / "preds.npy", folder / "target.npy"


def processes_below(pid):
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += processes_below(int(child))
    return found


def anonymous_bytes(pid):
    total = 0
    for each in processes_below(pid):
        try:
            for line in Path(f"/proc/{each}/status").read_text().splitlines():
                if line.startswith("RssAnon:"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            pass  # it has just ended
    return total


def measured(command):
    """Seconds, most anonymous bytes and what was printed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    most = 0
    while process.poll() is None:
        try:
            most = max(most, anonymous_bytes(process.pid))
        except OSError:
            pass
        time.sleep(0.01)
    seconds = time.perf_counter() - start
    if process.returncode != 0:
        sys.exit(f"{command} ended with {process.returncode}")
    return seconds, most, json.loads(process.stdout.read())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metrics", required=True, help="the program `metrics`")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--folder", help="where the files are written")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        pair = [str(path) for path in write_pair(Path(folder), options.rows)]
        few = [str(path) for path in write_pair_of(1000, Path(folder) / "few")]
        contenders = {
            f"metrics eval -n {n}": [options.metrics, "eval", "--json", "BinaryAccuracy", "BinaryAUROC", "-n", str(n), "--preds"]
            for n in options.processes
        }
        contenders["NumPy, scikit-learn"] = [sys.executable, "-c", NUMPY]
        contenders["torchmetrics"] = [sys.executable, "-c", TORCHMETRICS]
        print(f"{options.rows} rows")
        for name, command in contenders.items():
            ours = "--preds" in command
            with_files = lambda files: [*command, files[0], "--target", files[1]] if ours else [*command, *files]
            # What a process takes whatever it evaluates, the libraries that it loads above all.
            _, base, _ = measured(with_files(few))
            seconds, most, printed = measured(with_files(pair))
            values = printed.get("values", printed)
            print(f"{name:22} {seconds:8.1f} s {(most - base) / options.rows:7.1f} bytes a row  "
                  f"accuracy {values['BinaryAccuracy']:.7f}  AUROC {values['BinaryAUROC']:.7f}", flush=True)


def write_pair_of(rows, folder):
    folder.mkdir()
    return write_pair(folder, rows)


if __name__ == "__main__":
    main()
