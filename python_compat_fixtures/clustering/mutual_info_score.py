"""Mutual information."""

import sklearn.metrics
from cases import Stem
from clusterings import Member, write as write_member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    by = lambda target, preds, options: sklearn.metrics.mutual_info_score(target, preds) if len(target) else 0.0
    write_member(stem, Member("MutualInfoScore", "mutual_info_score", by, "sklearn.metrics.mutual_info_score"))
