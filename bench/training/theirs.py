"""One rank of the training that run.py compares: Python's DistributedDataParallel. Prints a JSON line for each way, on rank 0.

    theirs.py MODEL ROUNDS IMAGES LABELS
"""

import contextlib
import json
import sys
import time

import numpy
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DistributedSampler

BATCH_SIZE = 32


def net_of(model):
    if model == "small":
        return nn.Sequential(
            nn.Unflatten(1, (1, 8, 8)),
            nn.Conv2d(1, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64 * 4 * 4, 10),
        )
    return nn.Sequential(nn.Linear(64, 2240), nn.ReLU(), nn.Linear(2240, 2240), nn.ReLU(), nn.Linear(2240, 2240), nn.ReLU(), nn.Linear(2240, 10))


def epoch_of(ddp, optimizer, images, labels, sampler, epoch, joins):
    sampler.set_epoch(epoch)
    # Rows of a tensor: a DataLoader, which collates them one by one, would be what is measured.
    rows = torch.tensor(list(sampler))
    with ddp.join() if joins else contextlib.nullcontext():
        for batch in rows.split(BATCH_SIZE):
            optimizer.zero_grad()
            nn.functional.cross_entropy(ddp(images.index_select(0, batch)), labels.index_select(0, batch)).backward()
            optimizer.step()


def sent(run):
    """Counts the collectives of a run, and the bytes put into them."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True) as profile:
        run()
    collectives = bytes_in = 0
    for event in profile.events():
        if event.name.startswith("gloo:"):
            collectives += 1
            for shape in event.input_shapes or []:
                if shape:
                    bytes_in += 4 * int(numpy.prod(shape))
    return collectives, bytes_in


def main():
    model, rounds, images, labels = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    images = torch.from_numpy(numpy.fromfile(images, numpy.float32)).view(-1, 64)
    labels = torch.from_numpy(numpy.fromfile(labels, numpy.int64))
    sampler = DistributedSampler(images, seed=0)
    for way in ("plain", "join"):
        torch.manual_seed(1)
        net = net_of(model)
        ddp = DistributedDataParallel(net)
        optimizer = torch.optim.SGD(net.parameters(), 0.01)
        seconds = []
        for epoch in range(rounds + 1):
            start = time.perf_counter()
            epoch_of(ddp, optimizer, images, labels, sampler, epoch, way == "join")
            if epoch > 0:
                seconds.append(time.perf_counter() - start)
        collectives, bytes_in = sent(lambda: epoch_of(ddp, optimizer, images, labels, sampler, 0, way == "join"))
        if dist.get_rank() == 0:
            print(json.dumps({"way": way, "seconds": seconds, "collectives": collectives, "bytes": bytes_in}), flush=True)
    dist.destroy_process_group()


main()
