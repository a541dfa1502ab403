"""The adjusted Rand score."""

import sklearn.metrics
from cases import Stem
from clusterings import Member, write as write_member

OVERFLOW = "products of numbers of pairs are rounded; torchmetrics' overflow"


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    by = lambda target, preds, options: sklearn.metrics.adjusted_rand_score(target, preds) if len(target) else 1.0
    differs = {"more rows than are kept as they come": OVERFLOW}
    write_member(stem, Member("AdjustedRandScore", "adjusted_rand_score", by, "sklearn.metrics.adjusted_rand_score", counts_pairs=True, differs=differs))
