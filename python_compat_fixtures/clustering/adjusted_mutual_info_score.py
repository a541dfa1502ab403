"""Adjusted mutual information."""

from cases import Misuse, Stem
from clusterings import OF_NOTHING, Member, write as write_member

METRIC = "AdjustedMutualInfoScore"
METHODS = ("min", "geometric", "arithmetic", "max")
MOST = "where chance alone gives the most that there could be the score is 1; torchmetrics divides one rounding by another"


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    stem.refuse(Misuse(f"{METRIC}/an unknown average", METRIC, {"average_method": "harmonic"}, "average_method"))
    options = [{"average_method": m} for m in METHODS]
    differs = {"an empty batch": OF_NOTHING, "nothing": OF_NOTHING, "two samples": MOST, "clusters of one": MOST, "labels": MOST}
    write_member(
        stem, Member(METRIC, "adjusted_mutual_info_score", "sklearn.metrics.adjusted_mutual_info_score", options, counts_pairs=True, differs=differs)
    )
    stem.require(METRIC, {"average_method": list(METHODS)})
