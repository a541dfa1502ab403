"""Root mean squared error beside the mean, range, deviation or size of the targets."""

import math
from fractions import Fraction

import torch
from cases import Case, Misuse, Stem
from paired import EXACT, IN_FLOAT32, INF, NAN, NO_SLOPE, TOLERANCE, add, as_type, columns_of, kinds_of_inputs, misuses, pairs, refused_outputs, rooted, sums_of_errors

METRIC, FUNCTIONAL = "NormalizedRootMeanSquaredError", "normalized_root_mean_squared_error"
EMPTY = "an empty batch changes nothing; torchmetrics has no minimum of nothing"
KINDS = ("mean", "range", "std", "l2")


def exact(batches: list, kind: str = "mean", outputs: int = 1) -> torch.Tensor:
    """Compute the error of each output, without rounding up to the roots."""
    columns = [columns_of(batches, name) for name in ("preds", "target")]
    if outputs == 1:
        columns = [[[x for column in side for x in column]] for side in columns]
    values = []
    for preds, target in zip(*columns):
        if not target:
            return torch.tensor(NAN)
        mse, n = sum((p - t) ** 2 for p, t in zip(preds, target)) / len(target), len(target)
        mean = sum(target, Fraction(0)) / n
        squares = {"std": sum((t - mean) ** 2 for t in target) / n, "l2": sum(t * t for t in target)}
        values.append(rooted(mse / squares[kind]) if kind in squares else rooted(mse) / float(mean if kind == "mean" else max(target) - min(target)))
    return torch.tensor(values, dtype=torch.float32).squeeze()


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    misuses(stem, METRIC)
    refused_outputs(stem, METRIC)
    refuse = lambda name, options, word: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, options, word))
    for value in ("max", "", "L2"):
        refuse(f"normalization={value!r}", {"normalization": value}, "normalization")
    kinds_of_inputs(stem, METRIC, FUNCTIONAL, {"normalization": "std"})
    case = lambda name, options, batches, **more: add(
        stem, Case(f"{METRIC}/{name}", METRIC, options, batches, **{"tolerance": TOLERANCE, "functional": FUNCTIONAL, **more})
    )
    by = lambda kind="mean", outputs=1: {"forward_by": lambda b: exact([b], kind, outputs), "final_by": lambda bs: exact(bs, kind, outputs), "reference": EXACT}
    totals = {"scaled weights": "the size of all targets grows with their weights"}
    one_sample = {"gradients": "the step of the differences moves the only target, too"}
    for kind in KINDS:
        more = {"excludes": totals} if kind == "l2" else {}
        # The functional of torchmetrics takes the range of a vector alone.
        plain = {"functional": None} if kind == "range" else {}
        case(f"normalization={kind}", {"normalization": kind}, pairs("nrmse/kinds", ((7,), (5,), (9,)), 100.0), **more, **plain)
        for columns in (2, 3):
            case(f"{columns} outputs, normalization={kind}", {"num_outputs": columns, "normalization": kind}, pairs(f"nrmse/{columns} outputs", ((7, columns), (5, columns), (9, columns)), 100.0), **more)
        case(f"two dimensions as one output, normalization={kind}", {"normalization": kind}, pairs("nrmse/flat", ((4, 3), (2, 3)), 100.0), **more, **plain)
        case(f"an empty batch, normalization={kind}", {"normalization": kind}, pairs("nrmse/empty", ((4,), (0,), (3,)), 100.0), functional=None, reason=EMPTY, **by(kind), **more)
        case(f"an offset of 1e6, normalization={kind}", {"normalization": kind}, pairs("nrmse/offset", ((40,), (3,), (17,)), 1e6), functional=None, reason=IN_FLOAT32, **by(kind), **more) if kind == "std" else None
        case(f"one sample, normalization={kind}", {"normalization": kind}, [{"preds": torch.tensor([1.0]), "target": torch.tensor([1.5])}], **{**more, **plain, "excludes": {**NO_SLOPE, **totals} if kind in ("range", "std", "l2") else {}})
        case(f"equal targets, normalization={kind}", {"normalization": kind}, [{"preds": torch.tensor([1.0, 2.0, 7.0]), "target": torch.full((3,), 5.0)}], **{**more, **plain, "excludes": {**NO_SLOPE, **totals} if kind != "mean" else {}})
    case("a negative mean", {}, pairs("nrmse/negative", ((7,), (5,)), -100.0))
    case("int64", {"normalization": "range"}, as_type(pairs("nrmse/int64"), torch.int64, torch.int64), functional=None)
    case("float32 and int64", {"normalization": "range"}, as_type(pairs("nrmse/int64"), torch.float32, torch.int64), functional=None)
    case("float64 inputs", {"normalization": "range"}, as_type(pairs("nrmse/double"), torch.float64, torch.float64), functional=None)
    case("three dimensions", {"normalization": "std"}, pairs("nrmse/deep", ((4, 3, 2), (2, 3, 2))))
    case("NaN", {}, [{"preds": torch.tensor([1.0, NAN]), "target": torch.tensor([0.0, 1.0])}, *pairs("nrmse/nan", ((3,),))], excludes=NO_SLOPE)
    case("NaN among targets", {"normalization": "range"}, [{"preds": torch.tensor([1.0, 2.0]), "target": torch.tensor([0.0, NAN])}, *pairs("nrmse/nan", ((3,),))], functional=None, excludes=NO_SLOPE)
    case("infinity", {}, [{"preds": torch.tensor([1.0, INF]), "target": torch.tensor([0.0, 1.0])}, *pairs("nrmse/inf", ((3,),))], excludes=NO_SLOPE)
    halves = [{"preds": torch.tensor([300.0, 1.0, 250.0]).half(), "target": torch.tensor([1.0, 3.0, -40.0]).half()}]
    case("float16 whose squares leave it", {"normalization": "std"}, halves, reason=IN_FLOAT32, **by("std"))
    bytes_ = [{"preds": torch.tensor([1, 200, 3], dtype=torch.uint8), "target": torch.tensor([4, 10, 2], dtype=torch.uint8)}]
    case("uint8", {"normalization": "range"}, bytes_, functional=None, reason="unsigned differences wrap around in torchmetrics", **by("range"))
    stem.require(METRIC, {"normalization": list(KINDS), "num_outputs": [1, 2, 3]})
