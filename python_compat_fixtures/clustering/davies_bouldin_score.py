"""The Davies-Bouldin score."""

import numpy as np
import torch
from cases import Case, Stem
from clustered import NO_SLOPE, Member, write as write_member

METRIC = "DaviesBouldinScore"


def by_definition(data: np.ndarray, labels: np.ndarray, options: dict) -> float:
    """Compute it in float64. scikit-learn takes distances by products, which lose an offset."""
    clusters = [data[labels == label] for label in np.unique(labels)]
    if not 1 < len(clusters) < len(labels):
        return float("nan")
    centres = np.stack([c.mean(0) for c in clusters])
    spread = np.array([np.linalg.norm(c - m, axis=1).mean() for c, m in zip(clusters, centres)])
    distance = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    if np.allclose(spread, 0) or np.allclose(distance, 0):
        return 0.0
    distance[distance == 0] = np.inf
    return float(((spread[:, None] + spread[None]) / distance).max(1).mean())


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_member(stem, Member(METRIC, "davies_bouldin_score", by_definition, "the definition in float64"))
    points = [{"data": torch.tensor([[1.0, 2.0], [1.0, 2.0], [4.0, 4.0], [4.0, 4.0]]), "labels": torch.tensor([0, 0, 1, 1])}]
    case = lambda name, batches: stem.add(Case(f"{METRIC}/{name}", METRIC, {}, batches, "davies_bouldin_score", excludes=NO_SLOPE))
    case("clusters of equal rows", points)
    case("two clusters with one centre", [{"data": torch.tensor([[0.0], [2.0], [0.5], [1.5]]), "labels": torch.tensor([0, 0, 1, 1])}])
