"""The indices that torch.utils.data.DistributedSampler gives each rank."""

import itertools

from torch.utils.data import DistributedSampler


def table() -> list:
    """Return a row for each choice of arguments: all ranks' indices."""
    rows = []
    sizes, replicas, orders = (0, 1, 2, 7, 12, 13), (1, 2, 3, 5), ((False, 0, 0), (True, 0, 0), (True, 0, 1), (True, 41, 3))
    for size, ranks, (shuffle, seed, epoch), drop_last in itertools.product(sizes, replicas, orders, (False, True)):
        indices = []
        for rank in range(ranks):
            sampler = DistributedSampler(range(size), ranks, rank, shuffle=shuffle, seed=seed, drop_last=drop_last)
            sampler.set_epoch(epoch)
            indices.append(list(sampler))
        given = {"size": size, "num_replicas": ranks, "shuffle": shuffle, "seed": seed, "epoch": epoch, "drop_last": drop_last}
        rows.append({**given, "indices": indices})
    large = DistributedSampler(range(30000), 3, 1, seed=7)
    large.set_epoch(2)
    given = {"size": 30000, "num_replicas": 3, "shuffle": True, "seed": 7, "epoch": 2, "drop_last": False}
    rows.append({**given, "rank": 1, "first": list(large)[:20]})
    return rows
