"""Normalized mutual information."""

import sklearn.metrics
from cases import Misuse, Stem
from clusterings import Member, write as write_member

METRIC = "NormalizedMutualInfoScore"
METHODS = ("min", "geometric", "arithmetic", "max")


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    stem.refuse(Misuse(f"{METRIC}/an unknown average", METRIC, {"average_method": "harmonic"}, "average_method"))
    # Of two clusterings of one cluster scikit-learn says that they agree, torchmetrics that they have nothing to share.
    shared = lambda *sides: all(len(set(side.tolist())) > 1 for side in sides)
    by = lambda target, preds, options: sklearn.metrics.normalized_mutual_info_score(target, preds, **options) if shared(target, preds) else 0.0
    options = [{"average_method": m} for m in METHODS]
    write_member(stem, Member(METRIC, "normalized_mutual_info_score", by, "sklearn.metrics.normalized_mutual_info_score", options))
    stem.require(METRIC, {"average_method": list(METHODS)})
