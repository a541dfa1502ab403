"""Area under the ROC curve over the logarithm of the false positive rate."""

import importlib
import math

import torch
from cases import Stem
from labelled import binary
from threshold_scans import NORMALIZATION, THRESHOLDS, Points, Scan, add, write_scan

FPR_RANGE = [(0.001, 0.1), (0.01, 0.5), (0.25, 1.0), (0.1, 0.11)]
LATE = "torchmetrics refuses it in compute"
WRONG = {
    "fpr_range": [((0.5, 0.1), None), ((0.1, 0.1), None), ((0.1, 1.5), None), ((-0.1, 0.5), None), ([0.1], None), (0.1, None), ("all", None)],
}
REASON = (
    "beyond the thresholds given a curve runs straight to (0, 0) and (1, 1), and without negatives the area is NaN; "
    "torchmetrics extends a segment, to areas that are infinite, negative or NaN"
)


def interpolated(x: torch.Tensor, xp: torch.Tensor, fp: torch.Tensor) -> torch.Tensor:
    """Interpolate as torchmetrics does, but sort stably: of points with one rate theirs lets the machine choose."""
    order = torch.argsort(xp, stable=True)
    xp, fp = xp[order], fp[order]
    slopes = (fp[1:] - fp[:-1]) / (xp[1:] - xp[:-1])
    indices = torch.clamp(torch.searchsorted(xp, x) - 1, 0, len(slopes) - 1)
    return fp[indices] + slopes[indices] * (x - xp[indices])


def height(points: list, fpr: float, arriving: bool) -> float:
    """Return the curve's value at a rate, the lowest or the highest where it rises there."""
    on = [t for f, t in points if f == fpr]
    if on:
        return min(on) if arriving else max(on)
    below, above = max(p for p in points if p[0] < fpr), min(p for p in points if p[0] > fpr)
    return below[1] + (above[1] - below[1]) * (fpr - below[0]) / (above[0] - below[0])


def of_class(c: Points, lower: float, upper: float) -> float:
    """Return the share of the area that a perfect curve has."""
    if len(c.roc()) < 2:
        return 0.0
    if c.negatives == 0 or lower == 0:
        return math.nan
    rates = [(p.fps / c.negatives, p.tps / c.positives if c.positives else 0.0) for p in c.roc()]
    points = rates + [(0.0, 0.0), (1.0, 1.0 if c.positives else 0.0)]
    inside = sorted(p for p in points if lower < p[0] < upper)
    inside = [(lower, height(points, lower, False)), *inside, (upper, height(points, upper, True))]
    steps = zip(inside, inside[1:])
    area = sum(math.log10(b[0] / a[0]) * (a[1] + b[1]) / 2 for a, b in steps)
    return area / math.log10(upper / lower)


def search(classes: list, options: dict) -> torch.Tensor:
    """Return the area of each class, or the mean of those that are numbers."""
    lower, upper = options.get("fpr_range", FPR_RANGE[0])
    areas = torch.tensor([of_class(c, lower, upper) for c in classes], dtype=torch.float64)
    return (areas.nanmean() if options.get("average") == "macro" else areas).float()


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    importlib.import_module("torchmetrics.functional.classification.logauc").interp = interpolated
    averages = {"average": [None, "macro", "none"]}
    same = {("average", "none"): "another spelling of None", ("normalization", None): "shown by raw scores beyond the thresholds, of which the exact area is asked for"}
    lists = tuple({"thresholds": given, "fpr_range": (0.35, 0.5)} for given in THRESHOLDS[1:])
    scan = Scan(
        "LogAUC", "logauc", {"fpr_range": FPR_RANGE}, WRONG, search, REASON, "the trapezoidal rule in float64", {"rtol": 1e-5, "atol": 1e-6},
        multiclass=averages, multilabel=averages, binary=NORMALIZATION, excused=same, checked={"validate_args": True},
        shown=({"fpr_range": (0.01, 0.5)}, *lists), functional_averages=True,
        wrong_average=tuple((value, LATE) for value in ("mean", "micro", "weighted", 1)),
    )
    metric, functional = "BinaryLogAUC", "binary_logauc"
    batches = binary(f"{metric}/raw", "logits", sizes=(60, 50))
    for thresholds in (5, [0.25, 0.5, 0.75]):
        given = {"normalization": None, "thresholds": thresholds, "fpr_range": (0.01, 0.5)}
        add(stem, scan, f"raw scores, thresholds={thresholds}", metric, functional, given, batches)
    write_scan(stem, scan)
    batches = binary(f"{metric}/from nothing", "probabilities", sizes=(9, 6))
    add(stem, scan, "from 0 on", metric, functional, {"fpr_range": (0.0, 0.1)}, batches)
    add(stem, scan, "one threshold", metric, functional, {"thresholds": [0.5]}, batches)
    add(stem, scan, "two thresholds", metric, functional, {"thresholds": [0.25, 0.75], "fpr_range": (0.01, 0.5)}, batches)
