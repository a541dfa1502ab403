"""The batches that open-metric-learning's DDPSamplerWrapper deals to each rank."""

import itertools
import sys
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import oml_alone  # noqa: E402, F401
from oml.ddp.patching import DDPSamplerWrapper  # noqa: E402

EPOCHS = 3


class Numbered:
    """A batch sampler whose batches of an epoch hold their numbers."""

    def __init__(self, size: int):
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __iter__(self):
        return iter([[number, 100 + number] for number in range(self.size)])


def dealt(size: int, ranks: int, rank: int, shuffle: bool, pad: bool) -> list:
    """Return what one rank gets in each epoch."""
    with patch("torch.distributed.get_world_size", return_value=ranks), patch("torch.distributed.get_rank", return_value=rank):
        sampler = DDPSamplerWrapper(Numbered(size), shuffle_samples_between_gpus=shuffle, pad_data_to_num_gpus=pad)
        return [list(sampler) for _ in range(EPOCHS)]


def table() -> list:
    """Return a row for each choice of arguments: all ranks' batches of some epochs."""
    rows = []
    for size, ranks, shuffle, pad in itertools.product((1, 2, 5, 6, 7), (1, 2, 3, 5), (False, True), (False, True)):
        batches = [dealt(size, ranks, rank, shuffle, pad) for rank in range(ranks)]
        rows.append({"size": size, "num_replicas": ranks, "shuffle": shuffle, "pad": pad, "batches": batches})
    return rows
