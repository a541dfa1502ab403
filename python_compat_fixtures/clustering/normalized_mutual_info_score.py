"""Normalized mutual information."""

from cases import Misuse, Stem
from clusterings import Member, write as write_member

METRIC = "NormalizedMutualInfoScore"
METHODS = ("min", "geometric", "arithmetic", "max")


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    stem.refuse(Misuse(f"{METRIC}/an unknown average", METRIC, {"average_method": "harmonic"}, "average_method"))
    options = [{"average_method": m} for m in METHODS]
    write_member(stem, Member(METRIC, "normalized_mutual_info_score", "sklearn.metrics.normalized_mutual_info_score", options))
    stem.require(METRIC, {"average_method": list(METHODS)})
