"""Disparities of clouds of points that are laid over one another."""

import numpy as np
import scipy.spatial
import torch
from cases import Case, Misuse, Stem
from draws import Draws

METRIC, FUNCTIONAL = "ProcrustesDisparity", "procrustes_disparity"
BY_SCIPY = "scipy.spatial.procrustes"
NAN = float("nan")
TOLERANCE = {"rtol": 2e-5, "atol": 2e-6}
SUM = {"scaled weights": "a sum grows with the weights"}


def clouds(name: str, sizes=(5, 1, 7), points: int = 9, dimensions: int = 3, spread: int = 4) -> list:
    """Draw clouds, and others that are turned, scaled and moved ones of these with something beside."""
    draws, batches = Draws(f"shape/{name}"), []
    for n in sizes:
        first = draws.logits((n, points, dimensions))
        turned = first.roll(1, 2) * draws.choice([0.5, 2.0]) + draws.choice([-3.0, 8.0])
        batches.append({"point_cloud1": first, "point_cloud2": turned + draws.logits((n, points, dimensions)) / spread})
    return batches


def of_pair(first: np.ndarray, second: np.ndarray) -> float:
    """Compute the disparity of two clouds; what scipy refuses is not defined."""
    try:
        return scipy.spatial.procrustes(first, second)[2]
    except ValueError:
        return NAN


def by_scipy(reduction: str = "mean", dtype=torch.float32):
    """Return what computes the value of batches."""

    def final(batches: list) -> torch.Tensor:
        found = [of_pair(a, b) for batch in batches for a, b in zip(*(batch[f"point_cloud{i}"].double().numpy() for i in (1, 2)))]
        return torch.tensor(np.sum(found) if reduction == "sum" else np.mean(found), dtype=dtype)

    return final


def refused(stem: Stem) -> None:
    """Write the misuses."""
    a, b = torch.ones(2, 4, 3), torch.ones(2, 4, 3)
    refuse = lambda name, contains, options, batches=(), **more: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, options, contains, list(batches), **more))
    refuse("an unknown reduction", "reduction", {"reduction": "none"})
    refuse("a reduction of another type", "reduction", {"reduction": 2})
    refuse("an unknown option", "average", {"average": "mean"})
    of = lambda first, second: [{"point_cloud1": first, "point_cloud2": second}]
    refuse("one cloud", "point_cloud1", {}, of(a[0], b[0]))
    refuse("four dimensions", "point_cloud1", {}, of(a[None], b[None]))
    refuse("other numbers of samples", "same shape", {}, of(a, b[:1]))
    refuse("other numbers of points", "same shape", {}, of(a, b[:, :3]))
    refuse("other dimensions", "same shape", {}, of(a, b[:, :, :2]))
    refuse("no second cloud", "point_cloud2", {}, [{"point_cloud1": a}])


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    refused(stem)

    def case(name: str, batches: list, options=None, functional=True, scipy_: str = "", tolerance=None, **more) -> None:
        given = Case(f"{METRIC}/{name}", METRIC, options or {}, batches, tolerance=tolerance or TOLERANCE, **more)
        if functional:
            call = {f"point_cloud{i}": torch.cat([b[f"point_cloud{i}"] for b in batches]) for i in (1, 2)}
            given.functional, given.functional_call = FUNCTIONAL, call
        if scipy_:
            final = by_scipy(given.options.get("reduction", "mean"))
            given.reason, given.reference, given.forward_by, given.final_by = scipy_, BY_SCIPY, (lambda b: final([b])), final
        stem.add(given)

    case("clouds", clouds("clouds"))
    case("sum", clouds("clouds"), {"reduction": "sum"}, excludes=SUM)
    case("mean", clouds("clouds"), {"reduction": "mean"})
    case("in a plane", clouds("plane", dimensions=2))
    case("on a line", clouds("line", dimensions=1, spread=1))
    case("many dimensions", clouds("many", (3, 1, 2), points=24, dimensions=18))
    case("fewer points than dimensions", clouds("few", points=3, dimensions=6))
    case("two points", clouds("two", points=2, dimensions=2))
    case("alike", [{"point_cloud1": b["point_cloud1"], "point_cloud2": 3 * b["point_cloud1"] - 5} for b in clouds("alike")], tolerance={"rtol": 0.0, "atol": 1e-6})
    case("mirrored", [{"point_cloud1": b["point_cloud1"], "point_cloud2": b["point_cloud1"].flip(2)} for b in clouds("mirrored")], tolerance={"rtol": 0.0, "atol": 1e-6})
    case("an empty batch", clouds("empty", (4, 0, 3)), functional=False)
    case("nothing", clouds("nothing", (0,)), functional=False)
    case("float64", [{k: v.double() / 3 for k, v in b.items()} for b in clouds("double")])
    case("float32 beside float64", [{"point_cloud1": b["point_cloud1"], "point_cloud2": b["point_cloud2"].double()} for b in clouds("both")], functional=False, scipy_="two dtypes are taken; torchmetrics refuses them")
    for dtype in (torch.float16, torch.bfloat16):
        halves = [{k: (v * 8).round().to(dtype) for k, v in b.items()} for b in clouds(f"{dtype}")]
        case(f"{dtype}".removeprefix("torch."), halves, functional=False, scipy_="halves are compared in float64; torchmetrics finds no singular values of them, and fails")
    for dtype in (torch.int64, torch.uint8):
        whole = [{k: (v * 8 + 100).round().to(dtype) for k, v in b.items()} for b in clouds(f"{dtype}")]
        case(f"{dtype}".removeprefix("torch."), whole, functional=False, scipy_="integers are taken; torchmetrics refuses them")
    far = "points are moved and scaled in float64; torchmetrics loses their differences to an offset, and squares that overflow"
    no_halves = {"excludes": {"half": "half formats have no such numbers"}}
    case("far from 0", [{k: v + 2.0**16 for k, v in b.items()} for b in clouds("far")], scipy_=far, functional=False, **no_halves)
    case("large numbers", [{k: v * 1e25 for k, v in b.items()} for b in clouds("large")], scipy_=far, functional=False, **no_halves)
    case("small numbers", [{k: v * 1e-30 for k, v in b.items()} for b in clouds("small")], scipy_=far, functional=False, **no_halves)
    flat = "a cloud without two different points has no disparity; torchmetrics fails on it"
    equal = clouds("equal")
    equal[1]["point_cloud2"] = torch.full_like(equal[1]["point_cloud2"], 0.1)
    case("equal points", equal, scipy_=flat, functional=False)
    both = clouds("both equal", (2,))
    both[0] = {k: torch.full_like(v, 0.3) for k, v in both[0].items()}
    case("equal points in both", both, scipy_=flat, functional=False)
    case("one point", clouds("one", points=1), scipy_=flat, functional=False)
    broken = clouds("broken")
    broken[0]["point_cloud1"][2, 1, 0] = NAN
    case("NaN", broken, scipy_="a cloud with NaN has no disparity; torchmetrics fails on it", functional=False)
    case("rows that do not count", clouds("valid", (4, 6)), functional=False, valid=[torch.tensor([True, False, True, True]), torch.tensor([True, False] * 3)])
    given = clouds("all", (6,))
    for name, batch in (("scales and rotations", given[0]), ("scales and rotations, float64", {k: v.double() / 7 for k, v in given[0].items()})):
        stem.add(Case(f"{METRIC}/{name}", METRIC, {}, [batch], FUNCTIONAL, batch | {"return_all": True}, tolerance=TOLERANCE))
    stem.add(Case(f"{METRIC}/return_all is false", METRIC, {}, given, FUNCTIONAL, given[0] | {"return_all": False}, tolerance=TOLERANCE))
    stem.require(METRIC, {"reduction": ["sum"]})
