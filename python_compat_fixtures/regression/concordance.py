"""Lin's concordance correlation coefficient."""

from fractions import Fraction

import torch
from cases import Case, Misuse, Stem
from paired import COARSE, EXACT, IN_FLOAT32, INF, NAN, NO_SLOPE, TOLERANCE, add, as_type, columns_of, kinds_of_inputs, misuses, pairs, refused_outputs, times

METRIC, FUNCTIONAL = "ConcordanceCorrCoef", "concordance_corrcoef"
SCALE = "a concordance has no scale; torchmetrics' squares leave float64"
EMPTY = "an empty batch changes nothing; torchmetrics' means of nothing turn all to NaN"


def concordance(preds: list, target: list) -> float:
    """Compute the coefficient of one output without rounding; NaN where one side does not vary."""
    n = len(preds)
    mean_x, mean_y = (sum(values, Fraction(0)) / max(1, n) for values in (preds, target))
    var_x, var_y = (sum((v - m) ** 2 for v in values) for values, m in ((preds, mean_x), (target, mean_y)))
    if not var_x or not var_y:
        return NAN
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in zip(preds, target))
    return float(2 * covariance / (var_x + var_y + (n - 1) * (mean_x - mean_y) ** 2))


def exact(batches: list) -> torch.Tensor:
    """Compute the coefficient of each output."""
    columns = zip(columns_of(batches, "preds"), columns_of(batches, "target"))
    return torch.tensor([concordance(x, y) for x, y in columns], dtype=torch.float32).squeeze()


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    misuses(stem, METRIC)
    refused_outputs(stem, METRIC, taken_there="torchmetrics tests whether it is no integer and below 1, and means or")
    refuse = lambda name, shape: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, {}, "num_outputs", [{"preds": torch.ones(shape), "target": torch.ones(shape)}]))
    refuse("columns for one output", (4, 2))
    refuse("three dimensions", (4, 1, 1))
    refuse("a scalar", ())
    kinds_of_inputs(stem, METRIC, FUNCTIONAL)
    case = lambda name, options, batches, **more: add(
        stem, Case(f"{METRIC}/{name}", METRIC, options, batches, **{"tolerance": TOLERANCE, "functional": FUNCTIONAL, **more})
    )
    for columns in (2, 3, 40):
        case(f"{columns} outputs", {"num_outputs": columns}, pairs(f"concordance/{columns} outputs", ((37, columns), (2, columns), (3, columns))))
    case("against one another", {}, [{"preds": -b["preds"], "target": b["target"]} for b in pairs("concordance/against")])
    case("means apart", {}, [{"preds": b["preds"] + 30, "target": b["target"]} for b in pairs("concordance/apart")])
    case("a batch of one", {}, pairs("concordance/one", ((4,), (1,), (3,))))
    case("one sample", {}, pairs("concordance/single", ((1,),)), excludes=NO_SLOPE)
    case("equal predictions", {}, [{"preds": torch.full((4,), 0.5), "target": torch.tensor([1.0, 2.0, 3.0, 5.0])}], excludes=NO_SLOPE)
    case("equal targets", {}, [{"preds": torch.tensor([1.0, 2.0, 3.0, 5.0]), "target": torch.full((4,), 0.5)}], excludes=NO_SLOPE)
    case("one output does not vary", {"num_outputs": 2}, [{"preds": torch.tensor([[1.0, 2.0], [1.0, 3.0], [1.0, 7.0]]), "target": torch.tensor([[1.0, 2.0], [2.0, 5.0], [3.0, 6.0]])}], excludes=NO_SLOPE)
    case("on a line", {}, [{"preds": torch.tensor([1.0, 2.0, 3.0]), "target": torch.tensor([3.0, 5.0, 7.0])}])
    case("all right", {}, [{"preds": torch.tensor([1.0, 2.0, 3.0]), "target": torch.tensor([1.0, 2.0, 3.0])}])
    case("NaN", {}, [{"preds": torch.tensor([1.0, NAN]), "target": torch.tensor([0.0, 1.0])}, *pairs("concordance/nan", ((3,),))], excludes=NO_SLOPE)
    case("infinity", {}, [{"preds": torch.tensor([1.0, INF]), "target": torch.tensor([0.0, 1.0])}, *pairs("concordance/inf", ((3,),))], excludes=NO_SLOPE)
    by = {"forward_by": lambda b: exact([b]), "final_by": exact, "reference": EXACT, "functional": None}
    for offset in (1e6, 8e6):
        loose = pairs("concordance/offset", ((40,), (3,), (17,)), offset)
        for batch in loose:
            batch["preds"] = batch["preds"] + 2 * (batch["target"].roll(1) - offset)
        case(f"an offset of {offset:g}", {}, loose, reason=IN_FLOAT32, **by)
    for name, preds, target in (("float16 and float32", torch.float16, torch.float32), ("float32 and bfloat16", torch.float32, torch.bfloat16)):
        case(name, {}, as_type(pairs("concordance/halves"), preds, target), reason=IN_FLOAT32, **by)
    scaled = lambda name, options, batches: case(name, options, batches, excludes=COARSE, reason=SCALE, **by)
    for factor in (1e-170, 1e300, 2.0**-1050):
        scaled(f"numbers times {factor:g}", {}, times(pairs("concordance/scaled", ((40,), (3,), (17,))), factor))
    scaled("batches of scales far apart", {}, times(pairs("concordance/scales", ((9,), (1,), (8,), (5,))), 1e-200, 1e200, 1.0))
    scaled("one side too large", {}, [{"preds": b["preds"].double(), "target": b["target"].double() * 1e200} for b in pairs("concordance/one side")])
    scaled("outputs of different scales", {"num_outputs": 3}, times(pairs("concordance/scaled outputs", ((37, 3), (2, 3), (3, 3))), [1.0, 1e-200, 1e250]))
    case("float64 inputs", {}, as_type(pairs("concordance/double"), torch.float64, torch.float64))
    case("int64", {}, as_type(pairs("concordance/int64"), torch.int64, torch.int64), reason="torchmetrics has no means of integers", **by)
    case("an empty batch", {}, pairs("concordance/empty", ((4,), (0,), (3,))), reason=EMPTY, **by)
    stem.require(METRIC, {"num_outputs": [1, 2, 3, 40]})
