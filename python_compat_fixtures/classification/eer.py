"""Where as many negatives are let through as positives are held back."""

from fractions import Fraction

import torch
from cases import Stem
from threshold_scans import Points, Scan, write_scan


def of_class(c: Points) -> float:
    """Return the mean of both error rates where they are closest, at the greatest such threshold."""
    falling = sorted(c.roc(), key=lambda p: (p.tps, p.fps))
    rates = [(Fraction(p.fps, max(c.negatives, 1)), 1 - Fraction(p.tps, max(c.positives, 1))) for p in falling]
    fpr, fnr = min(rates, key=lambda r: abs(r[0] - r[1]))
    return float((fpr + fnr) / 2)


def search(classes: list, _: dict) -> torch.Tensor:
    """Return the equal error rate of each class."""
    return torch.tensor([of_class(c) for c in classes], dtype=torch.float32)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    averages = {"average": [None, "macro", "micro"]}
    normalization = {"normalization": ["sigmoid", None]}
    reason = "of points equally near the one of the greatest threshold counts, by exact comparison; rounding in float32 decides there"
    wrong = (("mean", None), ("weighted", None), (1, None))
    scan = Scan("EER", "eer", {}, {}, search, reason, multiclass=averages, binary=normalization, wrong_average=wrong)
    write_scan(stem, scan)
