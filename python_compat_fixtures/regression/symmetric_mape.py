"""Symmetric mean absolute percentage error."""

from fractions import Fraction

import torch
from cases import Case, Stem
from paired import EXACT, IN_FLOAT32, TOLERANCE, add, columns_of, kinds_of_inputs, misuses, pairs, sums_of_errors

METRIC, FUNCTIONAL = "SymmetricMeanAbsolutePercentageError", "symmetric_mean_absolute_percentage_error"


def exact(batches: list) -> torch.Tensor:
    """Compute the error without rounding."""
    preds, target = ([x for column in columns_of(batches, name) for x in column] for name in ("preds", "target"))
    total = sum((2 * abs(p - t) / max(abs(t) + abs(p), Fraction(1.17e-06)) for p, t in zip(preds, target)), Fraction(0))
    return torch.tensor(float(total / len(preds)), dtype=torch.float32)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    misuses(stem, METRIC)
    kinds_of_inputs(stem, METRIC, FUNCTIONAL)
    sums_of_errors(stem, METRIC, FUNCTIONAL)
    case = lambda name, batches, **more: add(stem, Case(f"{METRIC}/{name}", METRIC, {}, batches, **{"tolerance": TOLERANCE, "functional": FUNCTIONAL, **more}))
    near_zero = {"gradients": "the slope jumps at numbers of 0 and of the least size"}
    both = [{"preds": torch.tensor([0.0, 0.5, -2.0, 1e-7]), "target": torch.tensor([0.0, -0.0, 2.0, -2e-7])}, *pairs("smape/zeros", ((3,),))]
    case("numbers of 0 and near it", both, excludes=near_zero)
    least = [{"preds": torch.tensor([0.5e-6, 1e-6, 1.5e-6], dtype=torch.float64), "target": torch.tensor([0.66e-6, 0.17e-6, -0.1e-6], dtype=torch.float64)}]
    case("numbers about the least size", least, excludes=near_zero)
    by = {"forward_by": lambda b: exact([b]), "final_by": exact, "reference": EXACT}
    halves = [{"preds": torch.tensor([1.0, 60000.0]).half(), "target": torch.tensor([0.0, 50000.0]).half()}]
    case("float16 whose sums leave it", halves, reason=IN_FLOAT32, excludes=near_zero, **by)
    bytes_ = [{"preds": torch.tensor([1, 200, 3], dtype=torch.uint8), "target": torch.tensor([4, 10, 2], dtype=torch.uint8)}]
    case("uint8", bytes_, reason="unsigned differences wrap around in torchmetrics", **by)
    stem.require(METRIC, {})
