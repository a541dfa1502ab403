"""Mean squared error and its root."""

from fractions import Fraction

import torch
from cases import Case, Misuse, Stem
from paired import COARSE, EXACT, IN_FLOAT32, NAN, NO_SLOPE, TOLERANCE, TOO_MANY, add, columns_of, kinds_of_inputs, many, misuses, pairs, refused_outputs, rooted, sums_of_errors

METRIC, FUNCTIONAL = "MeanSquaredError", "mean_squared_error"


def exact(batches: list, squared: bool = True) -> torch.Tensor:
    """Compute the error of one output without rounding."""
    preds, target = ([x for column in columns_of(batches, name) for x in column] for name in ("preds", "target"))
    mean = sum(((p - t) ** 2 for p, t in zip(preds, target)), Fraction(0)) / len(preds)
    return torch.tensor(float(mean) if squared else rooted(mean), dtype=torch.float32)


def of_each(batches: list) -> torch.Tensor:
    """Compute the error of each output without rounding, NaN where one of its numbers is."""
    columns = range(batches[0]["preds"].shape[1])
    cut = lambda c: [{name: x[:, c] for name, x in b.items()} for b in batches]
    missing = lambda c: any(bool(x.isnan().any()) for b in cut(c) for x in b.values())
    return torch.stack([torch.tensor(NAN) if missing(c) else exact(cut(c)) for c in columns])


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    misuses(stem, METRIC)
    refused_outputs(stem, METRIC)
    stem.refuse(Misuse(f"{METRIC}/squared of another type", METRIC, {"squared": "yes"}, "squared"))
    kinds_of_inputs(stem, METRIC, FUNCTIONAL)
    sums_of_errors(stem, METRIC, FUNCTIONAL)
    case = lambda name, options, batches, **more: add(
        stem, Case(f"{METRIC}/{name}", METRIC, options, batches, **{"tolerance": TOLERANCE, "functional": FUNCTIONAL, **more})
    )
    case("squared=False", {"squared": False}, pairs("mse/root"))
    for columns in (2, 3, 40):
        outputs = pairs(f"mse/{columns} outputs", ((37, columns), (1, columns), (3, columns)))
        case(f"{columns} outputs", {"num_outputs": columns}, outputs)
        case(f"{columns} outputs, squared=False", {"num_outputs": columns, "squared": False}, outputs)
    case("more rows than a thread takes, 3 outputs", {"num_outputs": 3}, many("mse/3", (3,)), excludes=TOO_MANY)
    by = {"forward_by": lambda b: exact([b]), "final_by": exact, "reference": EXACT}
    large = [{"preds": torch.tensor([300.0, 1.0]).half(), "target": torch.zeros(2).half()}, {"preds": torch.tensor([5.0]).half(), "target": torch.tensor([1.0]).half()}]
    case("squares past float16", {}, large, reason=IN_FLOAT32, **by)
    bytes_ = [{"preds": torch.tensor([1, 200, 3], dtype=torch.uint8), "target": torch.tensor([4, 10, 2], dtype=torch.uint8)}]
    case("uint8", {}, bytes_, reason="unsigned differences wrap around in torchmetrics", **by)
    offset = [{"preds": torch.tensor([1e9 + 1.25, 1e9 - 0.5], dtype=torch.float64), "target": torch.full((2,), 1e9, dtype=torch.float64)}]
    case("float64 with a large offset", {}, offset, tolerance={"rtol": 0.0, "atol": 0.0}, excludes=COARSE)
    far = [{"preds": torch.tensor([4096.0]), "target": torch.tensor([0.0])}, *[{"preds": torch.ones(1), "target": torch.zeros(1)} for _ in range(5)]]
    case("past 2^24", {}, far, reason=IN_FLOAT32, **{**by, "tolerance": {"rtol": 0.0, "atol": 0.0}})
    # The sum beside the NaN is no number of float32 where the state is saved half-way.
    first = {"preds": torch.tensor([[NAN, 4096.0, 1.0], [1.0, 1.0, 1.0]]), "target": torch.zeros(2, 3)}
    beside = [first, *[{"preds": torch.ones(1, 3), "target": torch.zeros(1, 3)} for _ in range(5)]]
    case("an output past 2^24 beside one that is NaN", {"num_outputs": 3}, beside, reason=IN_FLOAT32, excludes=NO_SLOPE, forward_by=lambda b: of_each([b]), final_by=of_each, reference=EXACT, tolerance={"rtol": 0.0, "atol": 0.0})
    stem.require(METRIC, {"squared": [True, False], "num_outputs": [1, 2, 3, 40]})
