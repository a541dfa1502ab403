"""Where as many negatives are let through as positives are held back."""

from fractions import Fraction

import torch
from cases import Stem
from threshold_scans import Points, Scan, write_scan
from torchmetrics.utilities.compute import interp


def of_class(c: Points) -> float:
    """Return the mean of both error rates where they are closest, at the greatest such threshold."""
    falling = sorted(c.roc(), key=lambda p: (p.tps, p.fps))
    rates = [(Fraction(p.fps, max(c.negatives, 1)), 1 - Fraction(p.tps, max(c.positives, 1))) for p in falling]
    fpr, fnr = min(rates, key=lambda r: abs(r[0] - r[1]))
    return float((fpr + fnr) / 2)


def whole_curve(c: Points) -> tuple:
    """Return both rates by falling threshold, from (0, 0) to (1, 1)."""
    points = sorted((p.tps, p.fps) for p in c.points)
    ends = [(0, 0)], [(c.positives, c.negatives)]
    points = ends[0] * (points[:1] != ends[0]) + points + ends[1] * (points[-1:] != ends[1])
    tps, fps = torch.tensor(points).double().T
    return fps / max(c.negatives, 1), tps / max(c.positives, 1)


def of_mean(classes: list) -> float:
    """Return the equal error rate of the mean of all curves, at all their false positive rates."""
    curves = [whole_curve(c) for c in classes]
    fpr = torch.cat([f for f, _ in curves]).sort().values
    fnr = 1 - sum(interp(fpr, f, t) for f, t in curves) / len(curves)
    at = (fpr - fnr).abs().argmin()
    return float(fpr[at] + fnr[at]) / 2


def search(classes: list, options: dict) -> torch.Tensor:
    """Return the equal error rate of each class, or of their mean curve."""
    if options.get("average") == "macro":
        return torch.tensor(of_mean(classes), dtype=torch.float32)
    return torch.tensor([of_class(c) for c in classes], dtype=torch.float32)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    averages = {"average": [None, "macro", "micro"]}
    normalization = {"normalization": ["sigmoid", None]}
    reason = "of points equally near the one of the greatest threshold counts, by exact comparison; rounding in float32 decides there"
    wrong = (("mean", None), ("weighted", None), (1, None))
    scan = Scan("EER", "eer", {}, {}, search, reason, multiclass=averages, binary=normalization, wrong_average=wrong)
    write_scan(stem, scan)
