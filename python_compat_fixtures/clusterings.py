"""What the cases of scores of a clustering beside another share."""

from dataclasses import dataclass, field
from typing import Callable, Optional

import numpy as np
import sklearn.metrics
import torch
from cases import Case, Misuse, Stem, gives
from draws import Draws

# torchmetrics rounds each term and each sum to float32.
TOLERANCE = {"rtol": 1e-5, "atol": 2e-6}
LATER = "torchmetrics looks at it in compute"
IN_FLOAT32 = "logarithms and sums of many terms are taken in float64; torchmetrics takes them in float32"
OF_NOTHING = "a value of nothing is what the formula gives without samples; torchmetrics throws"
LEAST, GREATEST = -(2**63), 2**63 - 1


@dataclass
class Member:
    """A score, and what is said of its own."""

    metric: str
    functional: str
    reference: str
    options: list = field(default_factory=list)  # beside none
    excludes: dict = field(default_factory=dict)
    counts_pairs: bool = False
    differs: dict = field(default_factory=dict)  # case -> why scikit-learn is right there, and torchmetrics not


def labels(name: str, sizes=(37, 1, 5, 20), clusters: int = 4) -> list:
    """Draw clusters, and others that follow them half of the time."""
    draws = Draws(f"clustering/{name}")
    batches = []
    for n in sizes:
        target = draws.integers(n, 0, clusters)
        batches.append({"preds": torch.where(draws.integers(n, 0, 2) == 0, (target + 1) % clusters, draws.integers(n, 0, clusters)), "target": target})
    return batches


def named(batches: list, preds: list, target: list) -> list:
    """Give the clusters other names."""
    return [{"preds": torch.tensor(preds)[b["preds"]], "target": torch.tensor(target)[b["target"]]} for b in batches]


def of(preds: list, target: list) -> list:
    """Make one batch of two lists."""
    return [{"preds": torch.tensor(preds, dtype=torch.int64), "target": torch.tensor(target, dtype=torch.int64)}]


def as_types(batches: list, preds: torch.dtype, target: torch.dtype) -> list:
    """Convert both inputs of each batch."""
    return [{"preds": b["preds"].to(preds), "target": b["target"].to(target)} for b in batches]


def many(name: str) -> list:
    """Draw more rows than are kept as they come; of them the seed is stored."""
    draws = Draws(f"clustering/many/{name}")
    return [{side: draws.recalled("integers", (n,), low=-3, high=high) for side, high in (("preds", 9), ("target", 6))} for n in (9000, 20000, 9000, 17)]


def degenerate() -> dict:
    """List what has no second cluster, no pair, or nothing to tell."""
    return {
        "one sample": of([3], [5]),
        "two samples": of([3, 4], [5, 5]),
        "one cluster in both": of([1, 1, 1, 1], [0, 0, 0, 0]),
        "one cluster predicted": of([1, 1, 1, 1], [0, 0, 1, 2]),
        "one cluster in the target": of([0, 0, 1, 2], [7, 7, 7, 7]),
        "clusters of one": of([0, 1, 2, 3, 4], [9, 8, 7, 6, 5]),
        "predicted clusters of one": of([0, 1, 2, 3, 4], [0, 0, 1, 1, 1]),
        "the same": of([0, 0, 1, 1, 2, 2, 2], [5, 5, 3, 3, 9, 9, 9]),
        "independent": of([0, 0, 1, 1], [0, 1, 0, 1]),
    }


def write(stem: Stem, member: Member) -> None:
    """Write the cases of a score."""
    metric = member.metric

    value = lambda batches, options: score_of(metric, batches, options)

    def case(name: str, batches: list, options: Optional[dict] = None, **more) -> None:
        options = options or {}
        subject = Case(f"{metric}/{name}", metric, options, batches, member.functional, tolerance=TOLERANCE, excludes=member.excludes, **more)
        forward, final = [value([b], options) for b in batches], value(batches, options)
        agrees = gives(subject, batches, forward, final)
        reason = None if agrees else member.differs.get(name, IN_FLOAT32)
        if reason:
            subject.reason, subject.reference = reason, member.reference
            subject.forward_by, subject.final_by = (lambda b: value([b], options)), (lambda b: value(b, options))
        stem.add(subject)

    refuse = lambda name, contains, preds, target, **more: stem.refuse(Misuse(f"{metric}/{name}", metric, {}, contains, [{"preds": preds, "target": target, **more.pop("inputs", {})}], **more))
    ones = torch.ones(4, dtype=torch.int64)
    refuse("floating predictions", "preds", ones.float(), ones, reason=LATER)
    refuse("a floating target", "target", ones, ones.double(), reason=LATER)
    refuse("two dimensions", "preds", ones.view(2, 2), ones.view(2, 2), reason=LATER)
    refuse("scalars", "preds", ones[0], ones[0], reason=LATER)
    refuse("shapes that differ", "same shape", ones, ones[:3], reason=LATER)
    refuse("a negative weight", "Rows.weights", ones, ones, inputs={"Rows.weights": torch.tensor([1, 1, -1, 1])})
    if member.counts_pairs:
        refuse("a weight that is no integer", "integers", ones, ones, inputs={"Rows.weights": torch.tensor([1.0, 0.5, 1.0, 1.0])})

    case("labels", labels(metric))
    case("any integers", named(labels(f"{metric}/any"), [LEAST, -1, GREATEST, 10**12], [GREATEST, LEAST, 0, -7]))
    case("integers far apart", named(labels(f"{metric}/far", clusters=3), [-(10**15), 10**15, 5], [3, 10**9, -(10**9)]))
    case("many clusters", labels(f"{metric}/many clusters", (60, 40), 30))
    case("more rows than are kept as they come", many(metric))
    for name, types in (("uint8 and int32", (torch.uint8, torch.int32)), ("int64 and int16", (torch.int64, torch.int16))):
        case(name, as_types(labels(f"{metric}/{name}"), *types))
    case("bool", as_types(labels(f"{metric}/bool", clusters=2), torch.bool, torch.bool))
    case("an empty batch", labels(f"{metric}/empty", (9, 0, 8)))
    case("nothing", labels(f"{metric}/nothing", (0,)))
    for name, batches in degenerate().items():
        case(name, batches)
    for options in member.options:
        text = ", ".join(f"{k}={v}" for k, v in options.items())
        case(text, labels(f"{metric}/{text}"), options)
        case(f"two of three clusters, {text}", of([0, 0, 1, 1, 2, 2, 2, 0], [0, 0, 0, 0, 1, 1, 1, 1]), options)


def tell(*sides: np.ndarray) -> bool:
    """Tell whether each clustering has several clusters. Of two that have one scikit-learn says that they agree, torchmetrics that they have nothing to share."""
    return all(len(np.unique(side)) > 1 for side in sides)


def adjusted_mutual_info(target: np.ndarray, preds: np.ndarray, options: dict) -> float:
    """Ask scikit-learn, but of what it divides one rounding by another."""
    if not tell(target, preds):
        return 0.0
    sizes = len(np.unique(target)), len(np.unique(preds))
    if options.get("average_method") == "min" and max(sizes) == len(target) or min(sizes) == len(target):
        return 1.0
    return sklearn.metrics.adjusted_mutual_info_score(target, preds, **options)


def given(score: Callable, nothing: float) -> Callable:
    """Make what computes a score of what scikit-learn has, which takes no empty clusterings; of nothing it is what the formula gives."""
    return lambda target, preds, options: score(target, preds, **options) if len(target) else nothing


# target, preds, options -> the value
BY_SKLEARN = {
    "AdjustedMutualInfoScore": adjusted_mutual_info,
    "AdjustedRandScore": given(sklearn.metrics.adjusted_rand_score, 1.0),
    "CompletenessScore": given(sklearn.metrics.completeness_score, 1.0),
    "FowlkesMallowsIndex": given(sklearn.metrics.fowlkes_mallows_score, 0.0),
    "HomogeneityScore": given(sklearn.metrics.homogeneity_score, 0.0),
    "MutualInfoScore": given(sklearn.metrics.mutual_info_score, 0.0),
    "NormalizedMutualInfoScore": lambda target, preds, options: sklearn.metrics.normalized_mutual_info_score(target, preds, **options) if tell(target, preds) else 0.0,
    "RandScore": given(sklearn.metrics.rand_score, 1.0),
    "VMeasureScore": given(sklearn.metrics.v_measure_score, 0.0),
}


def score_of(metric: str, batches: list, options: dict) -> torch.Tensor:
    """Compute a score of batches."""
    target, preds = (torch.cat([b[k].to(torch.int64) for b in batches]).numpy() for k in ("target", "preds"))
    return torch.tensor(BY_SKLEARN[metric](target, preds, options), dtype=torch.float32)
