"""Relative squared error."""

from fractions import Fraction

import torch
from cases import Case, Misuse, Stem
from paired import COARSE, EXACT, IN_FLOAT32, INF, NAN, NO_SLOPE, TOLERANCE, add, as_type, columns_of, kinds_of_inputs, misuses, pairs, refused_outputs, rooted, times

METRIC, FUNCTIONAL = "RelativeSquaredError", "relative_squared_error"
SCALE = "a ratio of errors has no scale; torchmetrics' squares leave float64"
AT_LEAST = {"scaled weights": "the least deviation has no weight", "float64": "the least deviation depends on the result's type"}
NO_STEP = {"gradients": "targets that do not deviate have the least deviation, from which there is a step"}


def exact(batches: list, squared: bool = True, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Compute the mean error without rounding, in a type that says what the least deviation is."""
    errors = []
    for preds, target in zip(columns_of(batches, "preds"), columns_of(batches, "target")):
        mean = sum(target, Fraction(0)) / len(target)
        deviation = max(sum((t - mean) ** 2 for t in target), Fraction(torch.finfo(dtype).eps))
        ratio = sum((p - t) ** 2 for p, t in zip(preds, target)) / deviation
        errors.append(float(ratio) if squared else rooted(ratio))
    return torch.tensor(sum(errors) / len(errors), dtype=dtype)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    misuses(stem, METRIC)
    refused_outputs(stem, METRIC, taken_there="torchmetrics' mean of no output is NaN")
    refuse = lambda name, shape, **more: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, {}, "num_outputs", [{"preds": torch.ones(shape), "target": torch.ones(shape)}], **more))
    refuse("columns for one output", (4, 2))
    refuse("three dimensions", (4, 1, 1))
    refuse("a scalar", ())
    kinds_of_inputs(stem, METRIC, FUNCTIONAL)
    case = lambda name, options, batches, **more: add(
        stem, Case(f"{METRIC}/{name}", METRIC, options, batches, **{"tolerance": TOLERANCE, "functional": FUNCTIONAL, **more})
    )
    case("squared=False", {"squared": False}, pairs("rse/root"))
    for columns in (2, 3, 40):
        for squared in (True, False):
            # The first batches have enough rows that float32 sums say something of the deviation.
            case(f"{columns} outputs, squared={squared}", {"num_outputs": columns, "squared": squared}, pairs(f"rse/{columns} outputs", ((7, columns), (12, columns), (9, columns))))
    integers = pairs("rse/integers")
    case("float32 and int64", {}, as_type(integers, torch.float32, torch.int64))
    case("float16 and float32", {}, as_type(pairs("rse/halves"), torch.float16, torch.float32), functional=None)
    case("all right", {}, [{"preds": torch.tensor([1.0, 2.0]), "target": torch.tensor([1.0, 2.0])}])
    case("equal targets", {}, [{"preds": torch.tensor([1.0, 2.0, 7.0]), "target": torch.full((3,), 5.0)}], excludes=NO_STEP | AT_LEAST)
    case("equal targets, all right", {}, [{"preds": torch.full((3,), 5.0), "target": torch.full((3,), 5.0)}], excludes=NO_STEP)
    case("one sample", {}, [{"preds": torch.tensor([2.0]), "target": torch.tensor([1.5])}], excludes=NO_STEP | AT_LEAST)
    case("worse than the mean", {}, [{"preds": torch.tensor([9.0, -2.0, 0.0]), "target": torch.tensor([1.0, 2.0, 3.0])}])
    case("an empty batch", {}, pairs("rse/empty", ((4,), (3,), (0,)))[:2] + [{"preds": torch.zeros(0), "target": torch.zeros(0)}])
    case("NaN", {}, [{"preds": torch.tensor([1.0, NAN]), "target": torch.tensor([0.0, 1.0])}, *pairs("rse/nan", ((3,),))], excludes=NO_SLOPE)
    case("an infinite prediction", {}, [{"preds": torch.tensor([1.0, INF]), "target": torch.tensor([0.0, 1.0])}, *pairs("rse/inf", ((3,),))], excludes=NO_SLOPE)
    by = lambda squared=True: {"forward_by": lambda b: exact([b], squared), "final_by": lambda bs: exact(bs, squared), "reference": EXACT}
    for offset in (1e4, 1e6):
        case(f"an offset of {offset:g}", {}, pairs("rse/offset", ((40,), (3,), (17,)), offset), reason=IN_FLOAT32, **by())
    case("an offset, several outputs", {"num_outputs": 2, "squared": False}, pairs("rse/offsets", ((40, 2), (3, 2)), 3e5), reason=IN_FLOAT32, functional=None, **by(False))
    scaled = lambda name, options, batches: case(name, options, batches, functional=None, excludes=COARSE, reason=SCALE, **by())
    scaled("numbers times 1e+300", {}, times(pairs("rse/scaled", ((40,), (3,), (17,))), 1e300))
    scaled("outputs of different scales", {"num_outputs": 2}, times(pairs("rse/scaled outputs", ((37, 2), (2, 2), (3, 2))), [1e200, 1.0]))
    case("numbers times 1e-170", {}, times(pairs("rse/small", ((40,), (3,), (17,))), 1e-170), functional=None, excludes=COARSE)
    case("float64 inputs", {}, as_type(pairs("rse/double"), torch.float64, torch.float64), functional=None)
    stem.require(METRIC, {"num_outputs": [1, 2, 3, 40], "squared": [True, False]})
