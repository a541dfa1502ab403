"""Dunn's index."""

import itertools

import numpy as np
import torch
from cases import Case, Stem
from clustered import NO_SLOPE, UNDEFINED, Member, write as write_member

METRIC = "DunnIndex"
NORMS = (1, 3, 1.5, 4.0)


def by_definition(data: np.ndarray, labels: np.ndarray, options: dict) -> float:
    """Compute it in float64."""
    p = options.get("p", 2)
    clusters = [data[labels == label] for label in np.unique(labels)]
    if len(clusters) < 2:
        return float("nan")
    centres = [c.mean(0) for c in clusters]
    apart = np.min([np.linalg.norm(a - b, ord=p) for a, b in itertools.combinations(centres, 2)])
    widest = np.max([np.linalg.norm(row - m, ord=p) for c, m in zip(clusters, centres) for row in c])
    with np.errstate(all="ignore"):
        return float(apart / widest)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    write_member(stem, Member(METRIC, "dunn_index", by_definition, "the definition in float64", [{"p": p} for p in NORMS]))
    points = [{"data": torch.tensor([[1.0, 2.0], [1.0, 2.0], [4.0, 4.0], [4.0, 4.0]]), "labels": torch.tensor([0, 0, 1, 1])}]
    stem.add(Case(f"{METRIC}/clusters of equal rows", METRIC, {}, points, "dunn_index", excludes=NO_SLOPE))
    stem.add(Case(f"{METRIC}/nothing, p=-1", METRIC, {"p": -1}, [{"data": torch.zeros((0, 2)), "labels": torch.zeros(0, dtype=torch.int64)}], excludes=NO_SLOPE, reason=UNDEFINED, reference="the definition in float64", forward_by=lambda b: torch.tensor(float("nan")), final_by=lambda b: torch.tensor(float("nan"))))
    stem.require(METRIC, {"p": list(NORMS)})
