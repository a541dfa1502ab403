"""The Rand score."""

import sklearn.metrics
from cases import Stem
from clusterings import Member, write as write_member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    by = lambda target, preds, options: sklearn.metrics.rand_score(target, preds) if len(target) else 1.0
    write_member(stem, Member("RandScore", "rand_score", by, "sklearn.metrics.rand_score", counts_pairs=True))
