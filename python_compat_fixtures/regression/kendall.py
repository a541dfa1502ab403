"""Kendall's rank correlation coefficient, and its test of significance."""

import math
import warnings

import numpy as np
import scipy.stats
import torch
from cases import Case, Misuse, Stem
from draws import Draws
from paired import INF, NAN, add, as_type, misuses, pairs

METRIC, FUNCTIONAL = "KendallRankCorrCoef", "kendall_rank_corrcoef"
SCIPY = "scipy.stats.kendalltau, by its normal approximation"
NANS = "a NaN has no rank; torchmetrics compares it, and finds it neither less nor greater"
ALTERNATIVES = ("two-sided", "less", "greater")


def of_one(x: np.ndarray, y: np.ndarray, variant: str, alternative: str) -> tuple:
    """Ask scipy for one output; variant a, which it does not have, is counted pair by pair."""
    if len(x) < 2 or np.isnan(x).any() or np.isnan(y).any():
        return math.nan, math.nan
    if variant == "a":
        signs = np.sign(x[:, None] - x[None, :]) * np.sign(y[:, None] - y[None, :])
        difference, n = signs.sum() / 2, len(x)
        score = 3 * difference / math.sqrt(n * (n - 1) * (2 * n + 5) / 2)
        p = {"two-sided": 2 * scipy.stats.norm.sf(abs(score)), "less": scipy.stats.norm.cdf(score), "greater": scipy.stats.norm.sf(score)}
        return difference / (np.abs(signs).sum() / 2), p[alternative or "two-sided"]
    method = "asymptotic" if len(x) > 2 else "auto"  # the correction for ties divides by the samples beyond two
    result = scipy.stats.kendalltau(x, y, variant=variant, method=method, alternative=alternative or "two-sided")
    return result.statistic, result.pvalue if len(x) > 2 else math.nan


def by_scipy(batches: list, variant: str = "b", alternative: str = "") -> torch.Tensor:
    """Ask scipy for each output."""
    sides = [torch.cat([b[name] for b in batches]).double() for name in ("preds", "target")]
    x, y = (side.reshape(len(side), side.shape[1] if side.ndim > 1 else 1).numpy().T for side in sides)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        results = [of_one(*columns, variant, alternative) for columns in zip(x, y)]
    tau, p = (torch.tensor([float(r[i]) for r in results], dtype=torch.float32).squeeze() for i in (0, 1))
    return [tau, p] if alternative else tau


def tied(name: str, levels: int, shapes=((20,), (3,), (17,))) -> list:
    """Draw few different numbers, targets that follow predictions."""
    draws = Draws(f"regression/ranks/{name}")
    batches = []
    for shape in shapes:
        preds = draws.integers(shape, 0, levels)
        batches.append({"preds": preds.float() / 4, "target": (preds + draws.integers(shape, 0, levels)).float() / 8})
    return batches


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    misuses(stem, METRIC)
    refuse = lambda name, options, word, batches=(), **more: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, options, word, list(batches), **more))
    for value in ("d", "", "bb"):
        refuse(f"variant={value!r}", {"variant": value}, "variant")
    for value in (1, "yes", None):
        refuse(f"t_test={value!r}", {"t_test": value}, "t_test")
    refuse("a test without alternative", {"t_test": True, "alternative": None}, "alternative")
    refuse("a test with another alternative", {"t_test": True, "alternative": "more"}, "alternative")
    refuse("another alternative without a test", {"alternative": "more"}, "alternative", reason="an option is looked at whether it is used or not")
    refuse("no output", {"num_outputs": 0}, "num_outputs", reason="torchmetrics does not look at num_outputs")
    refuse("columns of another number", {"num_outputs": 2}, "num_outputs", [{"preds": torch.ones(4, 3), "target": torch.ones(4, 3)}])
    for name, shape in (("columns for one output", (4, 2)), ("three dimensions", (4, 1, 1)), ("a scalar", ())):
        refuse(name, {}, "num_outputs", [{"preds": torch.ones(shape), "target": torch.ones(shape)}])
    tolerance = {"rtol": 5e-6, "atol": 1e-6}
    case = lambda name, options, batches, **more: add(
        stem, Case(f"{METRIC}/{name}", METRIC, options, batches, **{"tolerance": tolerance, "functional": FUNCTIONAL, **more})
    )
    for variant in ("a", "b", "c"):
        case(f"variant={variant}", {"variant": variant}, pairs("kendall/vectors", ((7,), (4,), (9,))))
        for levels in (2, 5):
            case(f"variant={variant}, {levels} different numbers", {"variant": variant}, tied("kendall", levels))
        for alternative in ALTERNATIVES:
            options = {"variant": variant, "t_test": True, "alternative": alternative}
            case(f"variant={variant}, {alternative}", options, pairs("kendall/test", ((7,), (4,), (9,))))
            case(f"variant={variant}, {alternative}, ties", options, tied("kendall/test", 4))
            case(f"variant={variant}, {alternative}, no association", options, [{"preds": b["preds"], "target": b["target"].roll(3)} for b in pairs("kendall/none", ((30,), (4,)))])
        for columns in (2, 3):
            case(f"variant={variant}, {columns} outputs", {"variant": variant, "num_outputs": columns}, pairs(f"kendall/{columns} outputs", ((7, columns), (5, columns))))
    case("a test of 2 outputs", {"t_test": True, "num_outputs": 2}, tied("kendall/outputs", 5, ((20, 2), (7, 2))))
    case("no alternative", {"alternative": None}, pairs("kendall/vectors", ((7,), (4,), (9,))))
    valid = [torch.tensor([True, False, True, True, False]), torch.tensor([True, True]), torch.tensor([False, True] * 4)]
    case("rows that do not count", {}, pairs("kendall/valid"), valid=valid, functional=None)
    case("two samples", {}, [{"preds": torch.tensor([1.0, 2.0]), "target": torch.tensor([3.0, -2.0])}])
    for variant in ("a", "b", "c"):
        case(f"variant={variant}, equal predictions", {"variant": variant}, [{"preds": torch.full((4,), 0.5), "target": torch.tensor([1.0, 2.0, 3.0, 5.0])}])
        case(f"variant={variant}, one sample", {"variant": variant}, pairs("kendall/one", ((1,),)))
    case("infinities", {}, [{"preds": torch.tensor([INF, 1.0, -INF, 2.0]), "target": torch.tensor([1.0, 3.0, INF, INF])}])
    case("zeros of both signs", {}, [{"preds": torch.tensor([0.0, -0.0, 1.0, 2.0]), "target": torch.tensor([1.0, 2.0, -0.0, 0.0])}])
    case("int64", {}, as_type(tied("kendall/int64", 30), torch.int64, torch.int64))
    case("float64 inputs", {}, as_type(tied("kendall/double", 30), torch.float64, torch.float64))
    case("float16 and float32", {}, as_type(tied("kendall/halves", 9), torch.float16, torch.float32))
    by = lambda variant="b", alternative="": {"forward_by": lambda b: by_scipy([b], variant, alternative), "final_by": lambda bs: by_scipy(bs, variant, alternative), "reference": SCIPY, "functional": None}
    case("one column", {}, pairs("kendall/column", ((6, 1), (5, 1))), reason="torchmetrics makes three dimensions of a column", **by())
    case("an empty batch", {}, tied("kendall/empty", 9, ((20,), (0,), (13,))), reason="an empty batch changes nothing; torchmetrics has no pairs of nothing", **by())
    case("NaN", {}, [{"preds": torch.tensor([1.0, NAN, 3.0]), "target": torch.tensor([0.0, 1.0, 5.0])}, *tied("kendall/nan", 5, ((30,),))], reason=NANS, **by())
    case("NaN, a test", {"t_test": True}, [{"preds": torch.tensor([1.0, NAN, 3.0]), "target": torch.tensor([0.0, 1.0, 5.0])}, *tied("kendall/nan", 5, ((30,),))], reason=NANS, **by("b", "two-sided"))
    stem.require(METRIC, {"variant": ["a", "b", "c"], "t_test": [True], "alternative": list(ALTERNATIVES), "num_outputs": [1, 2, 3]}, {("alternative", "two-sided"): "the default"})
