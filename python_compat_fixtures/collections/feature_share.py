"""FeatureShare of metrics whose inputs are features; modules cannot be written down: tests/collections/feature_share_test.cpp has them."""

from typing import Callable, Optional

import torch
from cases import Case, Misuse, Stem, copied, named
from draws import Draws
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.wrappers import FeatureShare

METRIC = "FeatureShare"
GIVEN = "inputs are features of any number; torchmetrics would load a pretrained network for an int. It cannot give a forward's value, which sees one population"
BY_TORCHMETRICS = "torchmetrics with a module that returns its input, by update and compute"
NAN = torch.tensor(float("nan"))


class Given(torch.nn.Module):
    """A network that returns its input."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, imgs: torch.Tensor) -> torch.Tensor:
        return imgs.float()


def by_torchmetrics(metrics, max_cache_size: Optional[int] = None) -> Callable:
    """Return what computes the final values with torchmetrics."""

    def final(batches: list) -> dict:
        made = lambda m: FrechetInceptionDistance(**{**m["options"], "feature": Given(m["options"]["feature"])})
        members = [made(m) for m in metrics] if isinstance(metrics, list) else {k: made(m) for k, m in metrics.items()}
        share = FeatureShare(members, max_cache_size=max_cache_size)
        for batch in batches:
            share.update(**copied(batch))
        return share.compute()

    return final


def populations(name: str, features: int) -> list:
    """Draw batches of features of both populations."""
    draws = Draws(f"feature_share/{name}")
    return [{"imgs": draws.logits((n, features)) * (1 if real else 1.5), "real": real} for n, real in ((6, True), (5, False), (9, True), (1, False), (11, False))]


def write(stem: Stem) -> None:
    """Write all cases."""
    distance = named("FrechetInceptionDistance", feature=4)
    refuse = lambda name, contains, options, batches=(): stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, options, contains, list(batches)))
    refuse("no metrics", "metrics", {})
    refuse("a number as metric", "metrics", {"metrics": [7]})
    refuse("one name twice", "FrechetInceptionDistance", {"metrics": [distance, distance]})
    refuse("an unknown option", "prefix", {"metrics": [distance], "prefix": "a"})
    refuse("a size of another type", "max_cache_size", {"metrics": [distance], "max_cache_size": "all"})
    refuse("a fraction of a size", "max_cache_size", {"metrics": [distance], "max_cache_size": 1.5})
    refuse("a negative size", "max_cache_size", {"metrics": [distance], "max_cache_size": -1})
    refuse("an input is missing", "real", {"metrics": [distance]}, [{"imgs": torch.ones(3, 4)}])

    def case(name: str, features: int, metrics, **more) -> None:
        nan = {k: NAN for k in metrics} if isinstance(metrics, dict) else {m["name"]: NAN for m in metrics}
        by = {"final_by": by_torchmetrics(metrics, **more), "forward_by": lambda _: nan, "reason": GIVEN, "reference": BY_TORCHMETRICS}
        stem.add(Case(f"{METRIC}/{name}", METRIC, {"metrics": metrics} | more, populations(name, features), tolerance={"rtol": 1e-5, "atol": 1e-6}, **by))

    case("one metric", 4, [distance])
    two = {"a": named("FrechetInceptionDistance", feature=6), "b": named("FrechetInceptionDistance", feature=6, reset_real_features=True)}
    case("two metrics", 6, two)
    case("one input is kept", 6, two, max_cache_size=1)
    case("nothing is kept", 6, two, max_cache_size=0)
    case("None is kept", 6, two, max_cache_size=None)
    stem.require(METRIC, {"metrics": [], "max_cache_size": []})
