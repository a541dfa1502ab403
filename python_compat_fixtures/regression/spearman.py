"""Spearman's rank correlation coefficient."""

import warnings

import scipy.stats
import torch
from cases import Case, Misuse, Stem
from draws import Draws
from paired import INF, NAN, add, as_type, misuses, pairs

METRIC, FUNCTIONAL = "SpearmanCorrCoef", "spearman_corrcoef"
SCIPY = "scipy.stats.spearmanr"
EPSILON = "torchmetrics adds 1e-6 to the deviations' product, as if ranks were far from equal"
NONE = "ranks that do not vary have no correlation; torchmetrics' epsilon makes 0 of 0 / 0"
NANS = "a NaN has no rank; torchmetrics takes each for a number greater than all others"


def by_scipy(batches: list) -> torch.Tensor:
    """Ask scipy for the coefficient of each output."""
    preds, target = (torch.cat([b[name] for b in batches]).double() for name in ("preds", "target"))
    preds, target = (x.reshape(len(x), x.shape[1] if x.ndim > 1 else 1).numpy() for x in (preds, target))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = [scipy.stats.spearmanr(x, y).statistic if len(x) > 1 else NAN for x, y in zip(preds.T, target.T)]
    return torch.tensor(values, dtype=torch.float32).squeeze()


def tied(name: str, levels: int, shapes=((40,), (3,), (17,))) -> list:
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
    refuse = lambda name, word, batches=(), options={}, **more: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, options, word, list(batches), **more))
    for outputs in (0, -1):
        refuse(f"num_outputs={outputs}", "num_outputs", (), {"num_outputs": outputs}, reason="torchmetrics tests whether it is no integer and below 1, and means or")
    refuse("outputs of another type", "num_outputs", (), {"num_outputs": "two"})
    refuse("more columns than outputs", "num_outputs", [{"preds": torch.ones(4, 3), "target": torch.ones(4, 3)}], {"num_outputs": 2})
    refuse("no columns for two outputs", "num_outputs", [{"preds": torch.ones(4), "target": torch.ones(4)}], {"num_outputs": 2}, reason="torchmetrics takes a vector for one output, whatever num_outputs says")
    for name, shape in (("columns for one output", (4, 2)), ("three dimensions", (4, 1, 1)), ("a scalar", ())):
        refuse(name, "num_outputs", [{"preds": torch.ones(shape), "target": torch.ones(shape)}])
    for preds, target in ((torch.int64, torch.float32), (torch.float32, torch.int64), (torch.bool, torch.bool)):
        refuse(f"{preds} and {target}", "floating", [{"preds": torch.ones(3).to(preds), "target": torch.ones(3).to(target)}])
    case = lambda name, options, batches, **more: add(
        stem, Case(f"{METRIC}/{name}", METRIC, options, batches, **{"tolerance": {"rtol": 1e-5, "atol": 5e-6}, "functional": FUNCTIONAL, **more})
    )
    large = ((60,), (20,), (31,))
    case("vectors", {}, pairs("spearman/vectors", large))
    case("one column", {}, pairs("spearman/column", ((60, 1), (20, 1))))
    for columns in (2, 3):
        case(f"{columns} outputs", {"num_outputs": columns}, pairs(f"spearman/{columns} outputs", ((60, columns), (20, columns), (31, columns))))
    draws = Draws("regression/spearman/many")
    many = [{side: draws.recalled("values", (n,)) for side in ("preds", "target")} for n in (40000, 7)]
    case("more rows than a thread takes", {}, many, tolerance={"rtol": 1e-4, "atol": 1e-6}, functional=None)
    valid = [torch.tensor([True, False] * 30), torch.tensor([True] * 20), torch.tensor([False] + [True] * 30)]
    case("rows that do not count", {}, pairs("spearman/valid", large), valid=valid, functional=None)
    by = {"forward_by": lambda b: by_scipy([b]), "final_by": by_scipy, "reference": SCIPY, "tolerance": {"rtol": 2e-7, "atol": 1e-7}, "functional": None}
    for levels in (2, 3, 12):
        case(f"{levels} different numbers", {}, tied("spearman", levels), reason=EPSILON, **by)
    case("several outputs of few numbers", {"num_outputs": 2}, tied("spearman/outputs", 4, ((40, 2), (3, 2), (17, 2))), reason=EPSILON, **by)
    case("two samples", {}, [{"preds": torch.tensor([1.0, 2.0]), "target": torch.tensor([3.0, -2.0])}], reason=EPSILON, **by)
    case("zeros of both signs", {}, [{"preds": torch.tensor([0.0, -0.0, 1.0, 2.0]), "target": torch.tensor([1.0, 2.0, -0.0, 0.0])}], reason=EPSILON, **by)
    case("infinities", {}, [{"preds": torch.tensor([INF, 1.0, -INF, 2.0]), "target": torch.tensor([1.0, 3.0, INF, INF])}], reason=EPSILON, **by)
    case("one sample", {}, pairs("spearman/one", ((1,),)), reason=NONE, **by)
    case("equal predictions", {}, [{"preds": torch.full((4,), 0.5), "target": torch.tensor([1.0, 2.0, 3.0, 5.0])}], reason=NONE, **by)
    case("one output does not vary", {"num_outputs": 2}, [{"preds": torch.tensor([[1.0, 2.0], [1.0, 3.0], [1.0, 7.0]]), "target": torch.tensor([[1.0, 2.0], [2.0, 5.0], [3.0, 4.0]])}], reason=NONE, **by)
    case("NaN", {}, [{"preds": torch.tensor([1.0, NAN, 3.0]), "target": torch.tensor([0.0, 1.0, 5.0])}, *tied("spearman/nan", 5, ((30,),))], reason=NANS, **by)
    case("an empty batch", {}, tied("spearman/empty", 9, ((20,), (0,), (13,))))
    case("float16 and float32", {}, as_type(tied("spearman/halves", 9), torch.float16, torch.float32), reason=EPSILON, **by)
    fine = [{side: b[side].double() + torch.arange(len(b[side])) * 2.0**-40 for side in ("preds", "target")} for b in tied("spearman/double", 5)]
    case("float64 numbers that are one in float32", {}, fine, reason="numbers are compared as they are; torchmetrics rounds them to float32 before", **by)
    stem.require(METRIC, {"num_outputs": [1, 2, 3]})
