"""Fréchet distance of two populations of features."""

import numpy as np
import scipy.linalg
import torch
from cases import Case, Misuse, Stem, copied
from draws import Draws
from torchmetrics.image.fid import FrechetInceptionDistance

METRIC = "FrechetInceptionDistance"
NAN = torch.tensor(float("nan"))
GIVEN = "inputs are features of any number; torchmetrics would load a pretrained network for an int. It cannot give a forward's value, which sees one population"
BY_TORCHMETRICS = "torchmetrics with a module that returns its input, by update and compute"
BY_SCIPY = "numpy.cov and scipy.linalg.sqrtm in float64"
ONE_POPULATION = "a batch is of one population: its value is NaN"


class Given(torch.nn.Module):
    """A network that returns its input."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, imgs: torch.Tensor) -> torch.Tensor:
        return imgs.float()


def by_torchmetrics(features: int):
    """Return what computes the final value with torchmetrics."""

    def final(batches: list) -> torch.Tensor:
        metric = FrechetInceptionDistance(feature=Given(features))
        for batch in batches:
            metric.update(**copied(batch))
        return metric.compute()

    return final


def by_definition(batches: list) -> torch.Tensor:
    """Compute the distance of all features at once."""
    sides = [np.concatenate([b["imgs"].double().numpy() for b in batches if b["real"] == real]) for real in (True, False)]
    means = [side.mean(0) for side in sides]
    # Less the mean of all, which changes no covariance and loses no digit to an offset.
    first, second = (np.cov(side - means[0], rowvar=False) for side in sides)
    root = scipy.linalg.sqrtm(first @ second)
    distance = np.square(means[0] - means[1]).sum() + np.trace(first) + np.trace(second) - 2 * np.trace(root).real
    return torch.tensor(distance).float()


def populations(name: str, features: int, counts=((7, True), (5, False), (12, True), (1, False), (14, False)), offset: float = 0.0, spread: float = 1.0) -> list:
    """Draw batches of features of both populations, of different means, deviations and correlations."""
    draws = Draws(f"image/fid/{name}")
    batches = []
    for count, real in counts:
        noise = draws.logits((count, features))
        values = noise + 0.5 * noise.roll(1, 1) if real else 1.25 * noise - 0.25 * noise.roll(2, 1) + 0.5
        batches.append({"imgs": values * spread + offset, "real": real})
    return batches


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    refused(stem)

    def case(name: str, features: int, batches: list, options=None, **more) -> None:
        given = {"feature": features, **(options or {})}
        by = {"reason": GIVEN, "reference": BY_TORCHMETRICS, "final_by": by_torchmetrics(features), "forward_by": lambda b: NAN, "tolerance": {"rtol": 1e-5, "atol": 1e-6}}
        stem.add(Case(f"{METRIC}/{name}", METRIC, given, batches, **{**by, **more}))

    scipy_ = {"reference": BY_SCIPY, "final_by": by_definition}
    case("8 features", 8, populations("8", 8))
    case("8 features, by definition", 8, populations("8", 8), **scipy_)
    case("40 features", 40, populations("40", 40, ((30, True), (25, False), (28, False), (27, True))))
    case("one feature", 1, populations("1", 1), reference="the definition in one dimension", final_by=of_one_feature)
    case("fewer samples than features", 24, populations("few", 24, ((9, True), (8, False))), tolerance={"rtol": 1e-5, "atol": 1e-5})
    beside = {way: "a batch stands beside the real features that are kept: tests/image/fid_test.cpp" for way in ("forward", "garbage", "reset", "ranks")}
    case("kept features", 8, populations("kept", 8), {"reset_real_features": False}, excludes=beside)
    case("float64", 8, [{**b, "imgs": b["imgs"].double()} for b in populations("double", 8)])
    case("integers", 4, [{**b, "imgs": (b["imgs"] * 4).round().to(torch.int64)} for b in populations("integers", 4)])
    case("bytes", 4, [{**b, "imgs": (b["imgs"] * 4 + 100).round().to(torch.uint8)} for b in populations("bytes", 4)])
    case("an empty batch", 4, populations("empty", 4, ((6, True), (0, False), (7, False), (0, True))))
    equal = populations("equal", 6, ((20, True), (20, False)))
    equal[1]["imgs"] = equal[0]["imgs"]
    case("equal populations", 6, equal, tolerance={"rtol": 0.0, "atol": 1e-5}, excludes={"ranks": "nothing but rounding is left of the distance"})
    case("a constant feature", 5, [{**b, "imgs": torch.cat([b["imgs"][:, :4], torch.ones(len(b["imgs"]), 1)], 1)} for b in populations("constant", 5)], tolerance={"rtol": 1e-5, "atol": 1e-5})
    far = populations("far", 6, offset=8192.0, spread=1 / 16)
    why = "sums of outer products tell no covariance beside a large mean"
    case("a large offset", 6, far, reason=why, **scipy_, excludes={"half": "half formats have no such numbers"})
    double = [{**b, "imgs": b["imgs"].double() + 1e6} for b in populations("farther", 6)]
    case("a larger offset, float64", 6, double, reason=why, **scipy_, excludes={"half": "half formats have no such numbers"})
    nothing = {"reference": "NaN", "final_by": lambda batches: NAN, "reason": "a value that is not defined is NaN; torchmetrics throws"}
    case("one population", 4, populations("alone", 4, ((6, True), (7, True))), **nothing)
    case("one sample", 4, populations("one", 4, ((6, True), (1, False))), **nothing)
    broken = populations("nan", 4)
    broken[1]["imgs"] = broken[1]["imgs"].index_fill(0, torch.tensor([0]), float("nan"))
    case("NaN", 4, broken, **nothing)
    for name, valid in (("rows that do not count", populations("valid", 4, ((8, True), (9, False)))),):
        case(name, 4, valid, valid=[torch.tensor([True, False] * 4), torch.tensor([True, True, False] * 3)])


def of_one_feature(batches: list) -> torch.Tensor:
    """Compute the distance of two normal distributions of one dimension."""
    sides = [torch.cat([b["imgs"].double() for b in batches if b["real"] == real]) for real in (True, False)]
    return ((sides[0].mean() - sides[1].mean()) ** 2 + (sides[0].std() - sides[1].std()) ** 2).float()


def refused(stem: Stem) -> None:
    """What cannot be."""
    rows = lambda *shape: {"imgs": torch.ones(shape), "real": True}
    refuse = lambda name, word, options=None, batches=(): stem.refuse(
        Misuse(f"{METRIC}/{name}", METRIC, {"feature": 4, **(options or {})}, word, list(batches))
    )
    refuse("no feature", "feature", {"feature": 0})
    refuse("feature of another type", "feature", {"feature": "inception"})
    refuse("reset_real_features of another type", "reset_real_features", {"reset_real_features": "no"})
    refuse("unknown option", "features", {"features": 4})
    refuse("another number of features", "[N, 4]", {}, [rows(3, 5)])
    refuse("one feature for four", "[N, 4]", {}, [rows(3, 1)])
    refuse("images", "[N, 4]", {}, [rows(3, 3, 8, 8)])
    refuse("no real", "real", {}, [{"imgs": torch.ones(3, 4)}])
    refuse("real of another type", "real", {}, [{"imgs": torch.ones(3, 4), "real": torch.ones(3)}])
    refuse("unknown input", "images", {}, [{"images": torch.ones(3, 4), "real": True}])
