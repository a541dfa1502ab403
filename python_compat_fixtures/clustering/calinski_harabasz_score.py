"""The Calinski-Harabasz score."""

import numpy as np
import sklearn.metrics
import torch
from cases import Case, Stem
from clustered import NO_SLOPE, Member, write as write_member

METRIC = "CalinskiHarabaszScore"


def by_sklearn(data: np.ndarray, labels: np.ndarray, options: dict) -> float:
    """Ask scikit-learn, which takes finite numbers alone."""
    defined = 1 < len(np.unique(labels)) < len(labels) and np.isfinite(data).all()
    return sklearn.metrics.calinski_harabasz_score(data, labels) if defined else float("nan")


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_member(stem, Member(METRIC, "calinski_harabasz_score", by_sklearn, "sklearn.metrics.calinski_harabasz_score"))
    points = [{"data": torch.tensor([[1.0, 2.0], [1.0, 2.0], [4.0, 4.0], [4.0, 4.0]]), "labels": torch.tensor([0, 0, 1, 1])}]
    stem.add(Case(f"{METRIC}/clusters of equal rows", METRIC, {}, points, "calinski_harabasz_score", excludes=NO_SLOPE))
