"""The Fowlkes-Mallows index."""

import sklearn.metrics
from cases import Stem
from clusterings import Member, write as write_member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    by = lambda target, preds, options: sklearn.metrics.fowlkes_mallows_score(target, preds) if len(target) else 0.0
    write_member(stem, Member("FowlkesMallowsIndex", "fowlkes_mallows_index", by, "sklearn.metrics.fowlkes_mallows_score", counts_pairs=True))
