"""What DistributedDataParallel leaves of weights, run in two processes on equal data."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from branched import Bank, BranchedNet, NormedNet  # noqa: E402
from draws import Draws  # noqa: E402
from torch.nn.parallel import DistributedDataParallel  # noqa: E402

RANKS, STEPS, ROWS = 2, 4, 3
MODES = ("plain", "no_sync", "unused", "static_graph")
# Two forwards before each backward, of a net with batch norm.
PAIRS = (
    "siamese",
    "siamese_eval",
    "siamese_no_sync",
    "siamese_unused",
    "siamese_static_graph",
    "discriminator",
    "consistency",
    "first_unused_static_graph",
    "replaced_eval",
    "grown",
)


def branch_of(mode: str, rank: int, step: int) -> str:
    """Say which branches a step takes."""
    if mode == "unused":
        return "left" if step < 2 or rank == 0 else "right"
    return "left" if mode == "static_graph" else "both"


def batch(rank: int, step: int) -> tuple:
    """Return data and target of one step of one rank."""
    draws = Draws(f"data_parallel/{rank}/{step}")
    return draws.logits((ROWS, 4)), draws.logits((ROWS, 2))


def start(rank: int) -> dict:
    """Return the weights that a rank starts with: those of rank 0 have to win."""
    draws = Draws(f"data_parallel/start/{rank}")
    return {name: draws.logits(tuple(p.shape)) / 4 for name, p in BranchedNet().named_parameters()}


def train(rank: int, mode: str) -> dict:
    """Train one rank, and return what the gradients and weights were."""
    net = BranchedNet()
    net.load_state_dict({**start(rank), "seen": torch.full((4,), float(rank))})
    model = DistributedDataParallel(net, find_unused_parameters=mode == "unused", static_graph=mode == "static_graph")
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    gradients = []
    for step in range(STEPS):
        data, target = batch(rank, step)
        loss = lambda: torch.nn.functional.mse_loss(model(data, branch_of(mode, rank, step)), target)
        if mode == "no_sync" and step % 2 == 0:
            with model.no_sync():
                loss().backward()
            continue
        loss().backward()
        gradients.append({n: p.grad.flatten().tolist() for n, p in net.named_parameters() if p.grad is not None})
        optimizer.step()
        optimizer.zero_grad()
    state = {name: value.flatten().tolist() for name, value in net.state_dict().items()}
    return {"mode": mode, "gradients": gradients, "state": state}


def normed_start(rank: int) -> dict:
    """Return the weights and buffers that a net with batch norm starts with."""
    draws = Draws(f"data_parallel/normed/{rank}")
    state = {name: draws.logits(tuple(p.shape)) / 4 for name, p in NormedNet().named_parameters()}
    state["norm.running_mean"] = draws.logits((5,)) / 8
    state["norm.running_var"] = 1 + draws.logits((5,)).abs() / 8
    return state | {"norm.num_batches_tracked": torch.tensor(rank), "bank.numbers": torch.full((1,), rank / 4)}


def other_data(rank: int, step: int) -> torch.Tensor:
    """Return the data of a step's second forward."""
    return Draws(f"data_parallel/pair/{rank}/{step}").logits((ROWS, 4))


def replace_buffers(net: NormedNet, mode: str, rank: int, step: int) -> None:
    """Give the net other buffers, whose numbers differ over ranks: those of rank 0 have to win."""
    if mode == "replaced_eval" and step > 0:
        net.norm.running_mean = torch.full((5,), (rank + step) / 4)
    if mode == "grown" and step > 0:
        net.bank = Bank(torch.full((1 + step,), (rank + step) / 8))


def pair_loss(model: DistributedDataParallel, mode: str, rank: int, step: int) -> torch.Tensor:
    """Return a loss over two forwards."""
    functional = torch.nn.functional
    data, target = batch(rank, step)
    one = model(data)
    with torch.set_grad_enabled(mode != "consistency"):
        other = model(other_data(rank, step))
    if mode == "discriminator":
        return functional.softplus(-one).mean() + functional.softplus(other).mean()
    if mode == "first_unused_static_graph":
        return functional.mse_loss(other, target)
    return functional.mse_loss(one, target) + functional.mse_loss(one, other)


def train_pairs(rank: int, mode: str) -> dict:
    """Train a net with batch norm on one rank, and return what the gradients and weights were."""
    net = NormedNet()
    net.load_state_dict(normed_start(rank))
    net.train(not mode.endswith("eval"))
    model = DistributedDataParallel(
        net, find_unused_parameters=mode.endswith("unused"), static_graph=mode.endswith("static_graph")
    )
    gradients = []
    for step in range(STEPS):
        replace_buffers(net, mode, rank, step)
        if mode.endswith("no_sync") and step % 2 == 0:
            with model.no_sync():
                pair_loss(model, mode, rank, step).backward()
            continue
        pair_loss(model, mode, rank, step).backward()
        gradients.append({n: p.grad.flatten().tolist() for n, p in net.named_parameters()})
        with torch.no_grad():
            for parameter in net.parameters():
                parameter -= 0.1 * parameter.grad
                parameter.grad = None
    state = {name: value.flatten().tolist() for name, value in net.state_dict().items()}
    return {"mode": mode, "gradients": gradients, "state": state}


def run_rank(rank: int, port: int) -> None:
    """Play all modes on one rank; rank 0 prints them."""
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
    torch.distributed.init_process_group("gloo", rank=rank, world_size=RANKS)
    for result in (*(train(rank, mode) for mode in MODES), *(train_pairs(rank, mode) for mode in PAIRS)):
        if rank == 0:
            print(json.dumps(result), flush=True)
    torch.distributed.barrier()
    # Not by way of the interpreter's end, where a thread of c10d that still runs may abort the process.
    os._exit(0)


def table() -> list:
    """Return the inputs, then a row for each mode: gradients after each step, and the weights at the end."""
    inputs = {
        "start": [{n: v.flatten().tolist() for n, v in start(rank).items()} for rank in range(RANKS)],
        "batches": [[[t.flatten().tolist() for t in batch(rank, step)] for step in range(STEPS)] for rank in range(RANKS)],
        "normed_start": [{n: v.flatten().tolist() for n, v in normed_start(rank).items()} for rank in range(RANKS)],
        "other_data": [[other_data(rank, step).flatten().tolist() for step in range(STEPS)] for rank in range(RANKS)],
    }
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-W", "ignore", __file__]
    ranks = [subprocess.Popen([*command, str(r), str(port)], stdout=subprocess.PIPE, text=True) for r in range(RANKS)]
    printed = [rank.communicate()[0] for rank in ranks]
    if any(rank.returncode for rank in ranks):
        raise RuntimeError("a rank of the reference failed")
    return [inputs, *[json.loads(line) for line in printed[0].splitlines()]]


if __name__ == "__main__":
    run_rank(int(sys.argv[1]), int(sys.argv[2]))
