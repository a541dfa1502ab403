"""Mean absolute error."""

from fractions import Fraction

import torch
from cases import Case, Stem
from paired import COARSE, EXACT, IN_FLOAT32, TOLERANCE, add, columns_of, kinds_of_inputs, misuses, pairs, refused_outputs, sums_of_errors

METRIC, FUNCTIONAL = "MeanAbsoluteError", "mean_absolute_error"


def exact(batches: list) -> torch.Tensor:
    """Compute the error of one output without rounding."""
    preds, target = ([x for column in columns_of(batches, name) for x in column] for name in ("preds", "target"))
    return torch.tensor(float(sum((abs(p - t) for p, t in zip(preds, target)), Fraction(0)) / len(preds)), dtype=torch.float32)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    misuses(stem, METRIC)
    refused_outputs(stem, METRIC)
    kinds_of_inputs(stem, METRIC, FUNCTIONAL)
    sums_of_errors(stem, METRIC, FUNCTIONAL)
    case = lambda name, options, batches, **more: add(
        stem, Case(f"{METRIC}/{name}", METRIC, options, batches, **{"tolerance": TOLERANCE, "functional": FUNCTIONAL, **more})
    )
    for columns in (2, 3, 40):
        case(f"{columns} outputs", {"num_outputs": columns}, pairs(f"mae/{columns} outputs", ((37, columns), (1, columns), (3, columns))))
    by = {"forward_by": lambda b: exact([b]), "final_by": exact, "reference": EXACT}
    large = [{"preds": torch.full((3,), 60000.0).half(), "target": torch.full((3,), -60000.0).half()}]
    case("errors past float16", {}, large, reason=IN_FLOAT32, **by)
    bytes_ = [{"preds": torch.tensor([1, 200, 3], dtype=torch.uint8), "target": torch.tensor([4, 10, 2], dtype=torch.uint8)}]
    case("uint8", {}, bytes_, reason="unsigned differences wrap around in torchmetrics", **by)
    many = [{"preds": torch.tensor([2.0**24]), "target": torch.tensor([0.0])}, *[{"preds": torch.ones(1), "target": torch.zeros(1)} for _ in range(5)]]
    case("past 2^24", {}, many, excludes=COARSE, reason=IN_FLOAT32, **{**by, "tolerance": {"rtol": 0.0, "atol": 0.0}})
    stem.require(METRIC, {"num_outputs": [1, 2, 3, 40]})
