"""What the cases of metrics over pairs of a prediction and a target share."""

import math
from fractions import Fraction
from typing import Callable

import torch
from cases import Case, Misuse, Stem
from draws import Draws

NAN, INF = float("nan"), float("inf")
IN_FLOAT32 = "torchmetrics computes in the inputs' dtype and accumulates in float32"
EXACT = "exact rational arithmetic, rounded once"
# Where differences say nothing of derivatives.
NO_SLOPE = {"gradients": "NaN and infinity have no slope"}
A_JUMP = {"gradients": "the value jumps where targets begin to differ"}
TOO_MANY = {"gradients": "a difference for each of many numbers takes too long, and shows no more"}
COARSE = {"gradients": "the step of the differences is lost to rounding in inputs of this size"}
# torchmetrics rounds each term and each sum to float32.
TOLERANCE = {"rtol": 5e-6, "atol": 2e-6}


def add(stem: Stem, case: Case) -> None:
    """Add a case whose half inputs count as the same numbers in float32, as everywhere here: torch computes in half."""
    stem.add(case)
    stem.cases[-1].pop("half", None)


def pairs(name: str, shapes=((5,), (2,), (8,)), offset: float = 0.0) -> list:
    """Draw batches of targets and of predictions near them."""
    draws = Draws(f"regression/{name}")
    batches = []
    for shape in shapes:
        target = draws.values(shape) + offset
        batches.append({"preds": target + draws.values(shape) / 8, "target": target})
    return batches


def called(batches: list, target: str, change: Callable = lambda x: x) -> list:
    """Give batches the name that a metric has for its targets, and change their numbers to ones that it is made for."""
    changed = lambda x: x if hasattr(x, "recipe") else change(x)
    return [{target if name == "target" else name: changed(value) for name, value in b.items()} for b in batches]


def times(batches: list, *factors) -> list:
    """Multiply batches in turn by the factors, each a number or one for each column, in float64."""
    taken = [torch.tensor(factor, dtype=torch.float64) for factor in factors]
    return [{side: v.double() * taken[i % len(taken)] for side, v in b.items()} for i, b in enumerate(batches)]


def many(name: str, columns=(), kind: str = "values") -> list:
    """Draw batches of more rows than one thread sums by itself; they are kept as their seed."""
    draws = Draws(f"regression/many/{name}")
    return [{side: draws.recalled(kind, (n, *columns)) for side in ("preds", "target")} for n in (40000, 7)]


def as_type(batches: list, preds: torch.dtype, target: torch.dtype) -> list:
    """Convert both inputs of each batch."""
    return [{"preds": b["preds"].to(preds), "target": b["target"].to(target)} for b in batches]


def columns_of(batches: list, name: str) -> list:
    """Return an input of all batches as exact numbers, a list for each column."""
    rows = torch.cat([b[name].double().reshape(-1, b[name].shape[-1] if b[name].ndim > 1 else 1) for b in batches])
    if not rows.isfinite().all():
        raise ValueError("no exact arithmetic for infinities and NaN")
    return [[Fraction(x) for x in column.tolist()] for column in rows.T]


def rooted(x: Fraction) -> float:
    """Return the root, correct to the last bits whatever the size of numerator and denominator."""
    scale = 2**256
    return math.isqrt(x.numerator * scale // x.denominator) / 2**128


def kinds_of_inputs(stem: Stem, metric: str, functional: str, options: dict | None = None, target: str = "target", change: Callable = lambda x: x, kind: str = "values") -> None:
    """Shapes and dtypes that torchmetrics takes in every metric of pairs."""
    case = lambda name, batches, **more: add(stem, Case(f"{metric}/{name}", metric, options or {}, called(batches, target, change), tolerance=TOLERANCE, **more))
    case("vectors", pairs(f"{metric}/vectors"), functional=functional)
    case("one column", pairs(f"{metric}/column", ((4, 1), (3, 1))))
    case("more than a block", pairs(f"{metric}/blocks", ((9001,), (77,))), functional=functional)
    case("more rows than a thread takes", many(f"{metric}", kind=kind), functional=functional, excludes=TOO_MANY)
    valid = [torch.tensor([True, False, True, True, False]), torch.tensor([True, True]), torch.tensor([False, True] * 4)]
    case("rows that do not count", pairs(f"{metric}/valid"), valid=valid)


def sums_of_errors(stem: Stem, metric: str, functional: str, options: dict | None = None, target: str = "target", change: Callable = lambda x: x, halves: dict | None = None) -> None:
    """What sums over all elements take besides; `halves` says what half types give, where torchmetrics does not."""
    case = lambda name, batches, **more: add(
        stem, Case(f"{metric}/{name}", metric, options or {}, called(batches, target, change), tolerance=TOLERANCE, **{"functional": functional, **more})
    )
    integers = pairs(f"{metric}/integers")
    case("int64", as_type(integers, torch.int64, torch.int64))
    case("float32 and int64", as_type(integers, torch.float32, torch.int64))
    case("float16 and float32", as_type(pairs(f"{metric}/halves"), torch.float16, torch.float32), **(halves or {}).get("float16", {}))
    case("bfloat16 and float32", as_type(pairs(f"{metric}/halves"), torch.float32, torch.bfloat16), **(halves or {}).get("bfloat16", {}))
    case("float64 inputs", as_type(pairs(f"{metric}/double"), torch.float64, torch.float64))
    case("an empty batch", pairs(f"{metric}/empty", ((4,), (0,), (3,))))
    case("two dimensions as one output", pairs(f"{metric}/flat", ((4, 3), (2, 3))))
    case("three dimensions", pairs(f"{metric}/deep", ((4, 3, 2), (2, 3, 2))))
    case("scalars", [{"preds": torch.tensor(p), "target": torch.tensor(t)} for p, t in ((2.5, 1.0), (-1.0, 3.0))])
    case("NaN", [{"preds": torch.tensor([1.0, NAN]), "target": torch.tensor([0.0, 1.0])}, *pairs(f"{metric}/nan", ((3,),))], excludes=NO_SLOPE)
    case("infinity", [{"preds": torch.tensor([1.0, INF]), "target": torch.tensor([0.0, 1.0])}, *pairs(f"{metric}/inf", ((3,),))], excludes=NO_SLOPE)


def misuses(stem: Stem, metric: str, options: dict | None = None, target: str = "target") -> None:
    """What each of them refuses."""
    refuse = lambda name, word, batches=(), wrong=None, **more: stem.refuse(
        Misuse(f"{metric}/{name}", metric, (options or {}) | (wrong or {}), word, called(batches, target), **more)
    )
    ones = lambda *shape: {"preds": torch.ones(shape), "target": torch.ones(shape)}
    refuse("unknown option", "num_ouputs", wrong={"num_ouputs": 2})
    refuse("lengths that differ", "shape", [{"preds": torch.ones(3), "target": torch.ones(4)}])
    refuse("dimensions that differ", "shape", [{"preds": torch.ones(3, 1), "target": torch.ones(3)}])
    refuse("lengths that differ, later", "shape", [ones(4), {"preds": torch.ones(1), "target": torch.ones(4)}])
    refuse("no target", target, [{"preds": torch.ones(3)}])
    refuse("unknown input", "labels", [{"preds": torch.ones(3), "labels": torch.ones(3)}])


def refused_outputs(stem: Stem, metric: str, taken_there: str = "") -> None:
    """Refuse numbers of outputs that cannot be, and inputs of another number."""
    refuse = lambda name, outputs, batches=(), **more: stem.refuse(
        Misuse(f"{metric}/{name}", metric, {"num_outputs": outputs}, "num_outputs", list(batches), **more)
    )
    refuse("no output", 0, **({"reason": taken_there} if taken_there else {}))
    refuse("a negative number of outputs", -1)
    refuse("outputs of another type", "two")
    refuse("more columns than outputs", 2, [{"preds": torch.ones(4, 3), "target": torch.ones(4, 3)}])
    flat = [{"preds": torch.tensor([1.0, 2.0, 4.0]), "target": torch.tensor([1.0, 3.0, 2.0])}]
    broadcast = metric not in ("ConcordanceCorrCoef", "NormalizedRootMeanSquaredError", "PearsonCorrCoef")
    why = {"reason": "torchmetrics gives both outputs the value of the only column"}
    refuse("no columns for two outputs", 2, flat, **(why if broadcast else {}))
    refuse("two numbers for two outputs", 2, [{k: v[:2] for k, v in flat[0].items()}], **why)
