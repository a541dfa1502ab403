"""Coefficient of determination, as it is and adjusted."""

from fractions import Fraction

import sklearn.metrics
import torch
from cases import Case, Misuse, Stem
from paired import A_JUMP, COARSE, EXACT, IN_FLOAT32, INF, NAN, NO_SLOPE, TOLERANCE, add, as_type, columns_of, kinds_of_inputs, misuses, pairs, times

METRIC, FUNCTIONAL = "R2Score", "r2_score"
CONSTANT = "torchmetrics takes sums of squares up to 1e-4 for 0, whatever the scale of the data"
SCALE = "a score has no scale; torchmetrics' squares leave float64"
FEW = "torchmetrics throws for fewer than two samples: a forward on a last batch of one would fail"
SKLEARN = "sklearn.metrics.r2_score"


def exact(batches: list, multioutput: str = "uniform_average") -> torch.Tensor:
    """Compute the score without rounding."""
    scores, deviations = [], []
    for preds, target in zip(columns_of(batches, "preds"), columns_of(batches, "target")):
        mean = sum(target, Fraction(0)) / len(target)
        deviations.append(sum((t - mean) ** 2 for t in target))
        if not deviations[-1]:
            raise ValueError("targets that are equal")
        scores.append(1 - sum((p - t) ** 2 for p, t in zip(preds, target)) / deviations[-1])
    if multioutput == "raw_values":
        return torch.tensor([float(s) for s in scores], dtype=torch.float32)
    weights = deviations if multioutput == "variance_weighted" else [Fraction(1)] * len(scores)
    return torch.tensor(float(sum(s * w for s, w in zip(scores, weights)) / sum(weights)), dtype=torch.float32)


def by_sklearn(batches: list) -> torch.Tensor:
    """Ask scikit-learn, in float64; NaN for fewer than two samples."""
    preds, target = (torch.cat([b[name] for b in batches]).double().numpy() for name in ("preds", "target"))
    return torch.tensor(sklearn.metrics.r2_score(target, preds) if len(target) > 1 else NAN, dtype=torch.float32)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    misuses(stem, METRIC)
    refuse = lambda name, options, word, batches=(), **more: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, options, word, list(batches), **more))
    for value in (-1, 0.5, "one"):
        refuse(f"adjusted={value!r}", {"adjusted": value}, "adjusted")
    for value in ("uniform", "", "none"):
        refuse(f"multioutput={value!r}", {"multioutput": value}, "multioutput")
    ones = lambda *shape: {"preds": torch.ones(shape), "target": torch.ones(shape)}
    refuse("three dimensions", {}, "dimension", [ones(3, 2, 2)])
    refuse("a scalar", {}, "dimension", [ones()])
    refuse("other columns than before", {}, "shape", [ones(3, 2), ones(3, 4)])
    refuse("no columns after two", {}, "shape", [ones(3, 2), ones(3)], reason="torchmetrics adds the only column to both")
    kinds_of_inputs(stem, METRIC, FUNCTIONAL)
    case = lambda name, options, batches, **more: add(
        stem, Case(f"{METRIC}/{name}", METRIC, options, batches, **{"tolerance": TOLERANCE, "functional": FUNCTIONAL, **more})
    )
    integers = pairs("r2/integers")
    case("int64", {}, as_type(integers, torch.int64, torch.int64), functional=None)
    case("float32 and int64", {}, as_type(integers, torch.float32, torch.int64))
    case("float16 and float32", {}, as_type(pairs("r2/halves"), torch.float16, torch.float32), functional=None)
    case("raw_values of one column", {"multioutput": "raw_values"}, pairs("r2/column", ((4, 1), (3, 1))))
    shapes = ((5, 3), (2, 3), (9, 3))
    outputs = pairs("r2/outputs", shapes)
    for batch in outputs:
        batch["preds"] = batch["target"] + (batch["preds"] - batch["target"]) * torch.tensor([0.5, 2.0, 4.0])
        batch["target"] = batch["target"] * torch.tensor([1.0, 0.5, 2.0])
    for kind in ("raw_values", "uniform_average", "variance_weighted"):
        case(f"multioutput={kind}", {"multioutput": kind}, outputs)
        # A first batch of two rows leaves no degree of freedom: the forward falls back.
        for regressors in (1, 2, 5):
            case(f"multioutput={kind}, adjusted={regressors}", {"multioutput": kind, "adjusted": regressors}, outputs)
    for regressors in (1, 3, 4, 5, 13, 14, 15, 20):
        case(f"adjusted={regressors}", {"adjusted": regressors}, pairs("r2/adjusted"))
    case("one right output of two", {"multioutput": "raw_values"}, [{"preds": torch.tensor([[1.0, 2.0], [2.0, 5.0], [4.0, 0.0]]), "target": torch.tensor([[1.0, 2.5], [2.0, 4.0], [4.0, 1.0]])}])
    case("all right", {}, [{"preds": torch.tensor([1.0, 2.0]), "target": torch.tensor([1.0, 2.0])}])
    case("equal targets, all right", {}, [{"preds": torch.full((4,), 0.1), "target": torch.full((4,), 0.1)}], excludes=A_JUMP)
    case("equal targets", {}, [{"preds": torch.tensor([1.0, 2.0, 7.0]), "target": torch.full((3,), 5.0)}], excludes=A_JUMP)
    case("worse than the mean", {}, [{"preds": torch.tensor([9.0, -2.0, 0.0]), "target": torch.tensor([1.0, 2.0, 3.0])}])
    case("NaN", {}, [{"preds": torch.tensor([1.0, NAN]), "target": torch.tensor([0.0, 1.0])}, *pairs("r2/nan", ((3,),))], excludes=NO_SLOPE)
    case("an infinite prediction", {}, [{"preds": torch.tensor([1.0, INF]), "target": torch.tensor([0.0, 1.0])}, *pairs("r2/inf", ((3,),))], excludes=NO_SLOPE)

    by = {"forward_by": lambda b: exact([b]), "final_by": exact, "reference": EXACT}
    for offset in (1e4, 1e6):
        case(f"an offset of {offset:g}", {}, pairs("r2/offset", ((40,), (3,), (17,)), offset), reason=IN_FLOAT32, **by)
    wide = {"forward_by": lambda b: exact([b], "raw_values"), "final_by": lambda bs: exact(bs, "raw_values"), "reference": EXACT}
    case("an offset, several outputs", {"multioutput": "raw_values"}, pairs("r2/offsets", ((40, 2), (3, 2)), 3e5), reason=IN_FLOAT32, **wide)
    doubles = as_type(pairs("r2/double"), torch.float64, torch.float64)
    case("float64 inputs", {}, doubles, functional=None, reason="results are float32 unless set_dtype says otherwise; there float64 sums widen the states", **by)
    scaled = lambda name, batches, kind="uniform_average": case(
        name,
        {} if kind == "uniform_average" else {"multioutput": kind},
        batches,
        functional=None,
        excludes=COARSE,
        reason=SCALE,
        reference=EXACT,
        forward_by=lambda b: exact([b], kind),
        final_by=lambda bs: exact(bs, kind),
    )
    for factor in (1e-170, 1e300, 2.0**-1050):
        scaled(f"numbers times {factor:g}", times(pairs("r2/scaled", ((40,), (3,), (17,))), factor))
    scaled("an offset of 1e295 among numbers of 1e290", times(pairs("r2/scaled offset", ((40,), (3,), (17,)), 1e5), 1e290))
    scaled("blocks of numbers times 1e-170", times(pairs("r2/scaled blocks", ((9001,), (77,))), 1e-170))
    scaled("batches of scales far apart", times(pairs("r2/scales", ((9,), (2,), (8,), (5,))), 1e-200, 1e200, 1.0))
    for kind in ("raw_values", "variance_weighted"):
        scaled(f"outputs of different scales, multioutput={kind}", times(pairs("r2/scaled outputs", ((37, 3), (2, 3), (3, 3))), [1e200, 1e-200, 1e250]), kind)
    sk = {"forward_by": lambda b: by_sklearn([b]), "final_by": by_sklearn, "reference": SKLEARN}
    small = [{k: v / 8192 for k, v in b.items()} for b in pairs("r2/small")]
    case("targets of a small scale", {}, small, reason=CONSTANT, **sk)
    case("equal targets, nearly right", {}, [{"preds": torch.tensor([5.0, 5.0, 5.0078125]), "target": torch.full((3,), 5.0)}], reason=CONSTANT, **sk, excludes=A_JUMP)
    case("a batch of one", {}, pairs("r2/single", ((4,), (1,), (3,))), reason=FEW, **sk)
    case("one sample", {}, pairs("r2/one", ((1,),)), reason=FEW, **sk)
    empty = {"forward_by": lambda b: by_sklearn([b]), "final_by": by_sklearn, "reference": SKLEARN}
    case("an empty batch", {}, pairs("r2/empty", ((4,), (0,), (3,))), reason=FEW, **empty)
    stem.require(METRIC, {"adjusted": [0, 1, 3, 5], "multioutput": ["uniform_average", "raw_values", "variance_weighted"]})
