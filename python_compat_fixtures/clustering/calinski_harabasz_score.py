"""The Calinski-Harabasz score."""

import sklearn.metrics
import torch
from cases import Case, Stem
from clustered import NO_SLOPE, Member, write as write_member

METRIC = "CalinskiHarabaszScore"


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    by = lambda data, labels, options: sklearn.metrics.calinski_harabasz_score(data, labels) if 1 < len(set(labels.tolist())) < len(labels) else float("nan")
    write_member(stem, Member(METRIC, "calinski_harabasz_score", by, "sklearn.metrics.calinski_harabasz_score"))
    points = [{"data": torch.tensor([[1.0, 2.0], [1.0, 2.0], [4.0, 4.0], [4.0, 4.0]]), "labels": torch.tensor([0, 0, 1, 1])}]
    stem.add(Case(f"{METRIC}/clusters of equal rows", METRIC, {}, points, "calinski_harabasz_score", excludes=NO_SLOPE))
