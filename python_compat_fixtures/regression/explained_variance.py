"""Explained variance."""

from fractions import Fraction

import torch
from cases import Case, Misuse, Stem
from paired import A_JUMP, EXACT, IN_FLOAT32, INF, NAN, NO_SLOPE, TOLERANCE, add, as_type, columns_of, kinds_of_inputs, misuses, pairs

METRIC, FUNCTIONAL = "ExplainedVariance", "explained_variance"


def exact(batches: list, multioutput: str = "uniform_average") -> torch.Tensor:
    """Compute the score without rounding."""
    variance = lambda values: sum((v - sum(values, Fraction(0)) / len(values)) ** 2 for v in values)
    scores, deviations = [], []
    for preds, target in zip(columns_of(batches, "preds"), columns_of(batches, "target")):
        errors, deviation = variance([t - p for p, t in zip(preds, target)]), variance(target)
        deviations.append(deviation)
        scores.append(Fraction(1) if not errors else Fraction(0) if not deviation else 1 - errors / deviation)
    if multioutput == "raw_values":
        return torch.tensor([float(s) for s in scores], dtype=torch.float32)
    weights = deviations if multioutput == "variance_weighted" else [Fraction(1)] * len(scores)
    return torch.tensor(float(sum(s * w for s, w in zip(scores, weights)) / sum(weights)), dtype=torch.float32)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    misuses(stem, METRIC)
    refuse = lambda name, options, word, batches=(), **more: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, options, word, list(batches), **more))
    for value in ("uniform", "", "none"):
        refuse(f"multioutput={value!r}", {"multioutput": value}, "multioutput")
    ones = lambda *shape: {"preds": torch.ones(shape), "target": torch.ones(shape)}
    refuse("a scalar", {}, "dimension", [ones()])
    refuse("other columns than before", {}, "shape", [ones(3, 2), ones(3, 4)])
    refuse("no columns after two", {}, "shape", [ones(3, 2), ones(3)], reason="torchmetrics adds the only column to both")
    kinds_of_inputs(stem, METRIC, FUNCTIONAL)
    case = lambda name, options, batches, **more: add(
        stem, Case(f"{METRIC}/{name}", METRIC, options, batches, **{"tolerance": TOLERANCE, "functional": FUNCTIONAL, **more})
    )
    case("int64", {}, as_type(pairs("ev/integers"), torch.int64, torch.int64))
    case("float32 and int64", {}, as_type(pairs("ev/integers"), torch.float32, torch.int64))
    case("float16 and float32", {}, as_type(pairs("ev/halves"), torch.float16, torch.float32), functional=None)
    case("raw_values of one column", {"multioutput": "raw_values"}, pairs("ev/column", ((4, 1), (3, 1))))
    outputs = pairs("ev/outputs", ((5, 3), (4, 3), (9, 3)))
    for batch in outputs:
        batch["preds"] = batch["target"] + (batch["preds"] - batch["target"]) * torch.tensor([0.5, 2.0, 4.0])
        batch["target"] = batch["target"] * torch.tensor([1.0, 0.5, 2.0])
    for kind in ("raw_values", "uniform_average", "variance_weighted"):
        case(f"multioutput={kind}", {"multioutput": kind}, outputs)
        case(f"three dimensions, multioutput={kind}", {"multioutput": kind}, pairs("ev/deep", ((6, 2, 3), (5, 2, 3))))
    case("errors that do not vary", {}, [{"preds": torch.tensor([1.0, 2.0, 4.0]), "target": torch.tensor([1.5, 2.5, 4.5])}])
    case("equal targets", {}, [{"preds": torch.tensor([1.0, 2.0, 7.0]), "target": torch.full((3,), 5.0)}], excludes=A_JUMP)
    case("nothing varies", {}, [{"preds": torch.full((3,), 4.0), "target": torch.full((3,), 5.0)}], excludes=A_JUMP)
    mixed = [{"preds": torch.tensor([[1.0, 2.0, 1.0], [2.0, 2.0, 3.0], [4.0, 2.0, 2.0]]), "target": torch.tensor([[5.0, 5.0, 1.0], [5.0, 5.0, 2.0], [5.0, 5.0, 3.0]])}]
    for kind in ("raw_values", "uniform_average", "variance_weighted"):
        case(f"outputs that do not vary, multioutput={kind}", {"multioutput": kind}, mixed, excludes=A_JUMP)
    case("nothing varies, variance_weighted", {"multioutput": "variance_weighted"}, [ones(3, 2)], excludes=A_JUMP)
    case("one sample", {}, [{"preds": torch.tensor([1.0]), "target": torch.tensor([1.5])}], excludes=A_JUMP)
    case("an empty batch", {}, pairs("ev/empty", ((4,), (3,)))[:2] + [{"preds": torch.zeros(0), "target": torch.zeros(0)}])
    case("an empty batch alone", {"multioutput": "raw_values"}, [{"preds": torch.zeros(0, 2), "target": torch.zeros(0, 2)}], excludes={"row by row": "no row says how many outputs there are", "gradients": "nothing has no slope"})
    case("NaN", {}, [{"preds": torch.tensor([1.0, NAN]), "target": torch.tensor([0.0, 1.0])}, *pairs("ev/nan", ((3,),))], excludes=NO_SLOPE)
    case("an infinite prediction", {}, [{"preds": torch.tensor([1.0, INF]), "target": torch.tensor([0.0, 1.0])}, *pairs("ev/inf", ((3,),))], excludes=NO_SLOPE)
    by = lambda kind="uniform_average": {"forward_by": lambda b: exact([b], kind), "final_by": lambda bs: exact(bs, kind), "reference": EXACT}
    for offset in (1e4, 1e6):
        case(f"an offset of {offset:g}", {}, pairs("ev/offset", ((40,), (3,), (17,)), offset), reason=IN_FLOAT32, **by())
    apart = [{"preds": b["preds"] + 4096.0, "target": b["target"]} for b in pairs("ev/apart", ((40, 2), (3, 2), (17, 2)))]
    for kind in ("raw_values", "variance_weighted"):
        case(f"an offset of the errors, {kind}", {"multioutput": kind}, apart, reason=IN_FLOAT32, **by(kind))
    case("float64 inputs", {}, as_type(pairs("ev/double"), torch.float64, torch.float64), functional=None, reason="results are float32 unless set_dtype says otherwise; there float64 sums widen the states", **by())
    stem.require(METRIC, {"multioutput": ["uniform_average", "raw_values", "variance_weighted"]})
