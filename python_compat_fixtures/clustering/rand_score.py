"""The Rand score."""

from cases import Stem
from clusterings import Member, write as write_member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_member(stem, Member("RandScore", "rand_score", "sklearn.metrics.rand_score", counts_pairs=True))
