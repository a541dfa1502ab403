"""Sums of absolute differences of all pairs of rows."""

from cases import Stem
from matrices import Member, write as write_member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_member(stem, Member("pairwise_manhattan_distance", lambda x, y: (x[:, None] - y[None]).abs().sum(-1), False, "sums in float64"))
