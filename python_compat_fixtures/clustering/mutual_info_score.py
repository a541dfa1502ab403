"""Mutual information."""

from cases import Stem
from clusterings import Member, write as write_member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_member(stem, Member("MutualInfoScore", "mutual_info_score", "sklearn.metrics.mutual_info_score"))
