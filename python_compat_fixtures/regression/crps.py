"""Continuous ranked probability score."""

from fractions import Fraction

import torch
from cases import Case, Misuse, Stem
from draws import Draws
from paired import EXACT, IN_FLOAT32, INF, NAN, TOLERANCE, TOO_MANY, add, as_type

METRIC, FUNCTIONAL = "ContinuousRankedProbabilityScore", "continuous_ranked_probability_score"


def ensembles(name: str, counts=(5, 1, 8), members: int = 6, offset: float = 0.0) -> list:
    """Draw what comes, and members about it."""
    draws = Draws(f"regression/crps/{name}")
    batches = []
    for n in counts:
        target = draws.values((n,)) + offset
        batches.append({"preds": target.unsqueeze(1) + draws.values((n, members)) / 8, "target": target})
    return batches


def exact(batches: list) -> torch.Tensor:
    """Compute the mean score without rounding."""
    scores = []
    for batch in batches:
        for members, target in zip(batch["preds"].double().tolist(), batch["target"].double().tolist()):
            x, y, m = [Fraction(v) for v in members], Fraction(target), len(members)
            scores.append(sum(abs(v - y) for v in x) / m - sum(abs(a - b) for a in x for b in x) / (2 * m * m))
    return torch.tensor(float(sum(scores) / len(scores)), dtype=torch.float32)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    refuse = lambda name, word, batches=(), options={}, **more: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, options, word, list(batches), **more))
    refuse("unknown option", "members", options={"members": 3})
    refuse("one member", "at least 2", [{"preds": torch.ones(3, 1), "target": torch.ones(3)}])
    refuse("no member", "at least 2", [{"preds": torch.ones(3, 0), "target": torch.ones(3)}])
    refuse("vectors", "shape", [{"preds": torch.ones(3), "target": torch.ones(3)}])
    refuse("three dimensions", "shape", [{"preds": torch.ones(3, 2, 2), "target": torch.ones(3, 2)}])
    refuse("rows that differ", "shape", [{"preds": torch.ones(3, 2), "target": torch.ones(4)}])
    refuse("a target for each member", "shape", [{"preds": torch.ones(3, 2), "target": torch.ones(3, 2)}])
    refuse("no target", "target", [{"preds": torch.ones(3, 2)}])
    case = lambda name, batches, **more: add(stem, Case(f"{METRIC}/{name}", METRIC, {}, batches, **{"tolerance": TOLERANCE, "functional": FUNCTIONAL, **more}))
    for members in (2, 3, 6, 17, 40):
        case(f"{members} members", ensembles(f"{members} members", members=members))
    valid = [torch.tensor([True, False, True, True, False]), torch.tensor([True]), torch.tensor([False, True] * 4)]
    case("rows that do not count", ensembles("valid"), valid=valid, functional=None)
    draws = Draws("regression/crps/many")
    many = [{"preds": draws.recalled("values", (n, 8)), "target": draws.recalled("values", (n,))} for n in (3000, 7)]
    case("more rows than a thread takes", many, excludes=TOO_MANY)
    case("equal members", [{"preds": torch.full((3, 4), 2.0), "target": torch.tensor([1.0, 2.0, 3.5])}])
    case("all right", [{"preds": torch.full((2, 4), 2.0), "target": torch.tensor([2.0, 2.0])}])
    case("an empty batch", ensembles("empty", (4, 0, 3)))
    for name, value in (("NaN", NAN), ("infinity", INF), ("minus infinity", -INF)):
        case(f"{name} among members", [{"preds": torch.tensor([[1.0, value, 3.0], [1.0, 2.0, 3.0]]), "target": torch.tensor([1.0, 2.0])}])
        case(f"{name} among targets", [{"preds": torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]), "target": torch.tensor([1.0, value])}])
    case("int64", as_type(ensembles("int64"), torch.int64, torch.int64))
    case("float64 inputs", as_type(ensembles("double"), torch.float64, torch.float64))
    by = {"forward_by": lambda b: exact([b]), "final_by": exact, "reference": EXACT}
    case("float16 and float32", as_type(ensembles("halves"), torch.float16, torch.float32), reason=IN_FLOAT32, **by)
    case("float16 whose distances leave it", [{"preds": torch.tensor([[-60000.0, 60000.0, 0.0]]).half(), "target": torch.tensor([10.0]).half()}], reason=IN_FLOAT32, **by)
    case("an offset", ensembles("offset", offset=3e5), tolerance={"rtol": 1e-6, "atol": 0.0})
    bytes_ = [{"preds": torch.tensor([[1, 200, 3]], dtype=torch.uint8), "target": torch.tensor([4], dtype=torch.uint8)}]
    case("uint8", bytes_, reason="unsigned differences wrap around in torchmetrics", **by)
    stem.require(METRIC, {})
