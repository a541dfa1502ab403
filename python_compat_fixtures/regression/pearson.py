"""Pearson's correlation coefficient."""

from fractions import Fraction

import torch
from cases import Case, Misuse, Stem
from paired import COARSE, EXACT, IN_FLOAT32, INF, NAN, NO_SLOPE, TOLERANCE, add, as_type, columns_of, kinds_of_inputs, misuses, pairs, refused_outputs, rooted, times

METRIC, FUNCTIONAL = "PearsonCorrCoef", "pearson_corrcoef"
NEAR = "torchmetrics gives NaN below a bound on the variance that float32 sums need, and sums in float64 do not"
SCALE = "a correlation has no scale; torchmetrics' squares leave float64"
EMPTY = "an empty batch changes nothing; torchmetrics' means of nothing turn all to NaN"


def correlation(preds: list, target: list) -> float:
    """Compute the coefficient of one output without rounding; NaN where one side does not vary."""
    mean_x, mean_y = (sum(values, Fraction(0)) / max(1, len(values)) for values in (preds, target))
    var_x, var_y = (sum((v - m) ** 2 for v in values) for values, m in ((preds, mean_x), (target, mean_y)))
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in zip(preds, target))
    if not var_x or not var_y:
        return NAN
    return rooted(Fraction(covariance) ** 2 / (var_x * var_y)) * (1 if covariance >= 0 else -1)


def exact(batches: list) -> torch.Tensor:
    """Compute the coefficient of each output."""
    columns = zip(columns_of(batches, "preds"), columns_of(batches, "target"))
    return torch.tensor([correlation(x, y) for x, y in columns], dtype=torch.float32).squeeze()


def scaled(stem: Stem, by: dict) -> None:
    """Multiply numbers by what their squares do not survive, and by different scales in batches and outputs."""
    case = lambda name, options, batches, **more: add(
        stem,
        Case(f"{METRIC}/{name}", METRIC, options, batches, tolerance=TOLERANCE, excludes=COARSE, reason=SCALE, **by, **more),
    )
    for factor in (1e-170, 1e300, 2.0**-1050):
        case(f"numbers times {factor:g}", {}, times(pairs("pearson/scaled", ((40,), (3,), (17,))), factor))
    case("an offset of 1e295 among numbers of 1e290", {}, times(pairs("pearson/scaled offset", ((40,), (3,), (17,)), 1e5), 1e290))
    case("blocks of numbers times 1e-170", {}, times(pairs("pearson/scaled blocks", ((9001,), (77,))), 1e-170))
    case("batches of scales far apart", {}, times(pairs("pearson/scales", ((9,), (1,), (8,), (5,))), 1e-200, 1e200, 1.0))
    case("one side of large numbers", {}, [{"preds": b["preds"].double() * 1e-200, "target": b["target"].double() * 1e200} for b in pairs("pearson/sides")])
    case("one side too large", {}, [{"preds": b["preds"].double(), "target": b["target"].double() * 1e200} for b in pairs("pearson/one side")])
    case("outputs of different scales", {"num_outputs": 3}, times(pairs("pearson/scaled outputs", ((37, 3), (2, 3), (3, 3))), [1.0, 1e-200, 1e250]))
    case("large numbers that come first", {}, [{k: v.double() * 1e250 for k, v in pairs("pearson/first", ((1,),))[0].items()}, *times(pairs("pearson/then", ((6,), (4,))), 1e250)])


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
        case(f"{columns} outputs", {"num_outputs": columns}, pairs(f"pearson/{columns} outputs", ((37, columns), (2, columns), (3, columns))))
    against = [{"preds": -b["preds"], "target": b["target"]} for b in pairs("pearson/against")]
    case("against one another", {}, against)
    case("a batch of one", {}, pairs("pearson/one", ((4,), (1,), (3,))))
    case("one sample", {}, pairs("pearson/single", ((1,),)), excludes=NO_SLOPE)
    case("equal predictions", {}, [{"preds": torch.full((4,), 0.5), "target": torch.tensor([1.0, 2.0, 3.0, 5.0])}], excludes=NO_SLOPE)
    case("one output does not vary", {"num_outputs": 2}, [{"preds": torch.tensor([[1.0, 2.0], [1.0, 3.0], [1.0, 7.0]]), "target": torch.tensor([[1.0, 2.0], [2.0, 5.0], [3.0, 6.0]])}], excludes=NO_SLOPE)
    case("on a line", {}, [{"preds": torch.tensor([1.0, 2.0, 3.0]), "target": torch.tensor([3.0, 5.0, 7.0])}])
    case("NaN", {}, [{"preds": torch.tensor([1.0, NAN]), "target": torch.tensor([0.0, 1.0])}, *pairs("pearson/nan", ((3,),))], excludes=NO_SLOPE)
    case("infinity", {}, [{"preds": torch.tensor([1.0, INF]), "target": torch.tensor([0.0, 1.0])}, *pairs("pearson/inf", ((3,),))], excludes=NO_SLOPE)
    by = {"forward_by": lambda b: exact([b]), "final_by": exact, "reference": EXACT}
    # Pairs that differ much: batches whose means are far from one another show the merge.
    apart = [{"preds": b["preds"] + 100 * i, "target": b["target"] - 30 * i} for i, b in enumerate(pairs("pearson/apart", ((5,), (9,), (3,))))]
    case("batches far apart", {}, apart)
    for offset in (1e6, 8e6):
        loose = pairs("pearson/offset", ((40,), (3,), (17,)), offset)
        for batch in loose:
            batch["preds"] = batch["preds"] + 2 * (batch["target"].roll(1) - offset)
        case(f"an offset of {offset:g}", {}, loose, reason=IN_FLOAT32, **by)
    for name, preds, target in (("float16 and float32", torch.float16, torch.float32), ("float32 and bfloat16", torch.float32, torch.bfloat16)):
        case(name, {}, as_type(pairs("pearson/halves"), preds, target), reason=IN_FLOAT32, **by)
    outlier = [{"preds": torch.tensor([4096.0, *[0.0, 1.0] * 2000]), "target": torch.tensor([2048.0, *[1.0, 0.0] * 2000])}]
    case("an outlier", {}, outlier, excludes=COARSE, reason=NEAR, **by)
    scaled(stem, by)
    case("float64 inputs", {}, as_type(pairs("pearson/double"), torch.float64, torch.float64))
    case("int64", {}, as_type(pairs("pearson/int64"), torch.int64, torch.int64), reason="torchmetrics has no means of integers", **by)
    case("an empty batch", {}, pairs("pearson/empty", ((4,), (0,), (3,))), reason=EMPTY, **by)
    stem.require(METRIC, {"num_outputs": [1, 2, 3, 40]})
