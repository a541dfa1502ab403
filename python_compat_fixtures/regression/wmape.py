"""Weighted mean absolute percentage error."""

from fractions import Fraction

import torch
from cases import Case, Stem
from paired import EXACT, IN_FLOAT32, TOLERANCE, add, columns_of, kinds_of_inputs, misuses, pairs, sums_of_errors

METRIC, FUNCTIONAL = "WeightedMeanAbsolutePercentageError", "weighted_mean_absolute_percentage_error"


def exact(batches: list) -> torch.Tensor:
    """Compute the error without rounding."""
    preds, target = ([x for column in columns_of(batches, name) for x in column] for name in ("preds", "target"))
    size = max(sum((abs(t) for t in target), Fraction(0)), Fraction(1.17e-06))
    return torch.tensor(float(sum((abs(p - t) for p, t in zip(preds, target)), Fraction(0)) / size), dtype=torch.float32)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    misuses(stem, METRIC)
    kinds_of_inputs(stem, METRIC, FUNCTIONAL)
    by = {"forward_by": lambda b: exact([b]), "final_by": exact, "reference": EXACT}
    sums_of_errors(stem, METRIC, FUNCTIONAL, halves={"bfloat16": {"reason": IN_FLOAT32, **by}})
    case = lambda name, batches, **more: add(stem, Case(f"{METRIC}/{name}", METRIC, {}, batches, **{"tolerance": TOLERANCE, "functional": FUNCTIONAL, **more}))
    near_zero = {"gradients": "the slope jumps at targets of 0"}
    case("targets of 0", [{"preds": torch.tensor([1.0, 0.5, -2.0]), "target": torch.tensor([0.0, -0.0, 0.0])}, *pairs("wmape/zeros", ((3,),))], excludes=near_zero)
    case("targets of 0 alone", [{"preds": torch.tensor([0.25, 0.5]), "target": torch.zeros(2)}], excludes=near_zero | {"scaled weights": "the least size of the targets has no weight"})
    case("nothing but 0", [{"preds": torch.zeros(2), "target": torch.zeros(2)}], excludes=near_zero)
    halves = [{"preds": torch.tensor([60000.0, 50000.0]).half(), "target": torch.tensor([50000.0, -40000.0]).half()}]
    case("float16 whose sums leave it", halves, reason=IN_FLOAT32, **by)
    bytes_ = [{"preds": torch.tensor([1, 200, 3], dtype=torch.uint8), "target": torch.tensor([4, 10, 2], dtype=torch.uint8)}]
    case("uint8", bytes_, reason="unsigned differences wrap around in torchmetrics", **by)
    stem.require(METRIC, {})
