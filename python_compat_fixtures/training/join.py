"""What DistributedDataParallel.join leaves of weights after uneven training, run in two and three processes."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from branched import BranchedNet  # noqa: E402
from draws import Draws  # noqa: E402
from torch.distributed.algorithms.join import Join  # noqa: E402
from torch.nn.parallel import DistributedDataParallel  # noqa: E402

ROWS = 3
# How many batches each rank has, in one epoch after another.
COUNTS = [
    [[3, 6]],
    [[6, 3]],
    [[4, 4]],
    [[0, 3]],
    [[2, 0]],
    [[0, 0]],
    [[3, 1], [1, 2]],
    [[0, 2], [3, 1]],
    [[1, 4, 2]],
    [[0, 3, 3]],
]
MODES = ("plain", "no_sync", "unused", "momentum")


def branch_of(mode: str, rank: int, step: int) -> str:
    """Say which branches a step takes."""
    if mode == "unused":
        return "left" if step < 2 or rank == 0 else "right"
    return "both"


def batch(rank: int, step: int) -> tuple:
    """Return data and target of one step of one rank."""
    draws = Draws(f"join/{rank}/{step}")
    return draws.logits((ROWS, 4)), draws.logits((ROWS, 2))


def start(rank: int) -> dict:
    """Return the weights that a rank starts with: those of rank 0 have to win."""
    draws = Draws(f"join/start/{rank}")
    return {name: draws.logits(tuple(p.shape)) / 4 for name, p in BranchedNet().named_parameters()}


def train(rank: int, mode: str, counts: list, initial: bool) -> dict:
    """Train one rank, and return what the weights are at the end."""
    net = BranchedNet()
    net.load_state_dict({**start(rank), "seen": torch.full((4,), float(rank))})
    model = DistributedDataParallel(net, find_unused_parameters=mode == "unused")
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9 if mode == "momentum" else 0.0)
    for epoch, batches in enumerate(counts):
        with Join([model], divide_by_initial_world_size=initial):
            for step in range(batches[rank]):
                data, target = batch(rank, 10 * epoch + step)
                loss = lambda: torch.nn.functional.mse_loss(model(data, branch_of(mode, rank, step)), target)
                if mode == "no_sync" and step % 2 == 0:
                    with model.no_sync():
                        loss().backward()
                    continue
                loss().backward()
                optimizer.step()
                optimizer.zero_grad()
    state = {name: value.flatten().tolist() for name, value in net.state_dict().items()}
    return {"mode": mode, "counts": counts, "divide_by_initial_world_size": initial, "state": state}


def run_rank(rank: int, ranks: int, port: int) -> None:
    """Play all cases of so many ranks on one of them; rank 0 prints them."""
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
    torch.distributed.init_process_group("gloo", rank=rank, world_size=ranks)
    for counts in COUNTS:
        if len(counts[0]) != ranks:
            continue
        for mode in MODES:
            # Ranks that keep momentum of their own part ways after an uneven epoch: its worth is that of one epoch.
            if mode == "momentum" and len(counts) > 1:
                continue
            for initial in (True, False):
                result = train(rank, mode, counts, initial)
                if rank == 0:
                    print(json.dumps(result), flush=True)
    torch.distributed.barrier()
    # Not by way of the interpreter's end, where a thread of c10d that still runs may abort the process.
    os._exit(0)


def rows_of(ranks: int) -> list:
    """Run so many processes, and return what rank 0 printed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-W", "ignore", __file__]
    processes = [
        subprocess.Popen([*command, str(rank), str(ranks), str(port)], stdout=subprocess.PIPE, text=True)
        for rank in range(ranks)
    ]
    printed = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError("a rank of the reference failed")
    return [json.loads(line) for line in printed[0].splitlines()]


def table() -> list:
    """Return the inputs, then a row for each case with the weights at the end."""
    inputs = {
        "start": [{n: v.flatten().tolist() for n, v in start(rank).items()} for rank in range(3)],
        "batches": [
            [[t.flatten().tolist() for t in batch(rank, step)] for step in range(20)] for rank in range(3)
        ],
    }
    return [inputs, *rows_of(2), *rows_of(3)]


if __name__ == "__main__":
    run_rank(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
