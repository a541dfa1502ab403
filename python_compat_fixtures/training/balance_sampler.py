"""The batches that open-metric-learning's BalanceSampler draws."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import oml_alone  # noqa: E402, F401
from oml.samplers.balance import BalanceSampler  # noqa: E402

EPOCHS = 12
# How many samples each label has.
SIZES = [[2, 2], [3, 4, 5], [2, 3, 4, 5, 6], [5] * 6, [2, 9, 2, 9, 2, 9, 3]]
CHOICES = [(2, 2), (2, 3), (3, 4), (2, 5)]


def labels_of(sizes: list) -> list:
    """Return labels of samples, those of a label apart from one another."""
    left = {3 * label - 4: size for label, size in enumerate(sizes)}
    labels = []
    while any(left.values()):
        for label in left:
            if left[label] > 0:
                left[label] -= 1
                labels.append(label)
    return labels


def table() -> list:
    """Return a row for each choice: all batches of some epochs."""
    rows = []
    for sizes in SIZES:
        for n_labels, n_instances in CHOICES:
            if n_labels > len(sizes):
                continue
            labels = labels_of(sizes)
            np.random.seed(len(rows))
            sampler = BalanceSampler(labels, n_labels, n_instances)
            epochs = [[[int(i) for i in batch] for batch in sampler] for _ in range(EPOCHS)]
            given = {"labels": labels, "n_labels": n_labels, "n_instances": n_instances}
            rows.append({**given, "size": len(sampler), "batch_size": sampler.batch_size, "epochs": epochs})
    return rows
