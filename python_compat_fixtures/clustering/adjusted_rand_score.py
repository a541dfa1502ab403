"""The adjusted Rand score."""

from cases import Stem
from clusterings import Member, write as write_member

OVERFLOW = "products of numbers of pairs are rounded; torchmetrics' overflow"


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    differs = {"more rows than are kept as they come": OVERFLOW}
    write_member(stem, Member("AdjustedRandScore", "adjusted_rand_score", "sklearn.metrics.adjusted_rand_score", counts_pairs=True, differs=differs))
