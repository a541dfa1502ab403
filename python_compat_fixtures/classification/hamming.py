"""Share of wrong predictions."""

from cases import Stem
from stat_scores_family import Member, write_member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_member(stem, Member("HammingDistance", "hamming_distance", divides=False))
