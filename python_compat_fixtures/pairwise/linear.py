"""Products of all pairs of rows."""

from cases import Stem
from matrices import Member, write as write_member


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_member(stem, Member("pairwise_linear_similarity", lambda x, y: x @ y.T, False, "a product in float64"))
