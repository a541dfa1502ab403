"""Theil's U."""

import numpy as np
from associations import Member, write as write_member
from cases import Stem
from scipy.stats import entropy


FLOATING = "a value is as floating as any; torchmetrics gives the integer 0"


def by_definition(table: np.ndarray, options: dict) -> float:
    """Compute it of a table, whose rows are the target."""
    if table.shape[1] < 2:
        return 0.0
    all_, left = table.sum(), sum(row.sum() * entropy(row) for row in table)
    of_preds = entropy(table.sum(0))
    return float((of_preds - left / all_) / of_preds)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    names = ("values", "nothing", "one sample", "one value in both", "one value predicted", "an empty batch")
    write_member(stem, Member("TheilsU", "theils_u", by_definition, differs={name: FLOATING for name in names}))
