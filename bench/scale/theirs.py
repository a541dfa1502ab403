"""One rank of the same value in torchmetrics: prints a JSON line on rank 0.

theirs.py binary|collection|multiclass|spearman|retrieval ROWS ROUNDS
"""

import json
import os
import sys
import time
from pathlib import Path

import torch
import torchmetrics
from torchmetrics import SpearmanCorrCoef
from torchmetrics.classification import BinaryAUROC, BinaryAveragePrecision, MulticlassAUROC
from torchmetrics.retrieval import RetrievalMAP

KIND, ROWS, ROUNDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


def in_status(name):
    """The most memory that the process has held since `forget_peak`, or what it holds, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(name + ":"))


def forget_peak():
    Path("/proc/self/clear_refs").write_text("5")


def drawn(rows):
    if KIND == "multiclass":
        return torch.randn(rows, 100), torch.randint(100, (rows,))
    scores, target = torch.rand(rows), torch.randint(2, (rows,))
    if KIND == "spearman":
        return scores, scores + torch.rand(rows)
    if KIND == "retrieval":
        return scores, target, torch.randint(ROWS // 100 + 1, (rows,))
    return scores, target


def main():
    torch.distributed.init_process_group("gloo")
    rank, world = torch.distributed.get_rank(), torch.distributed.get_world_size()
    torch.set_num_threads(1)
    torch.manual_seed(rank)
    own = (rank + 1) * ROWS // world - rank * ROWS // world
    area = BinaryAUROC(validate_args=False)
    metric = {
        "binary": lambda: area,
        "collection": lambda: torchmetrics.MetricCollection({"area": area, "precision": BinaryAveragePrecision(validate_args=False)}),
        "multiclass": lambda: MulticlassAUROC(num_classes=100, validate_args=False),
        "spearman": SpearmanCorrCoef,
        "retrieval": RetrievalMAP,
    }[KIND]()
    metric.update(*drawn(own))
    seconds, memory = [], 0
    for _ in range(ROUNDS):
        metric.update(*drawn(1))
        torch.distributed.barrier()
        forget_peak()
        before, start = in_status("VmRSS"), time.perf_counter()
        metric.compute()
        seconds.append(time.perf_counter() - start)
        memory = max(memory, in_status("VmHWM") - before)
    if rank == 0:
        print(json.dumps({"kind": KIND, "ranks": world, "way": "torchmetrics", "seconds": min(seconds), "megabytes": memory}), flush=True)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    main()
