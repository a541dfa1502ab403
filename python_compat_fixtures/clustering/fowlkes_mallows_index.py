"""The Fowlkes-Mallows index."""

from cases import Stem
from clusterings import Member, write as write_member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_member(stem, Member("FowlkesMallowsIndex", "fowlkes_mallows_index", "sklearn.metrics.fowlkes_mallows_score", counts_pairs=True))
