"""Cosine similarity."""

from fractions import Fraction

import torch
from cases import Case, Misuse, Stem
from draws import Draws
from paired import EXACT, IN_FLOAT32, NAN, NO_SLOPE, TOLERANCE, TOO_MANY, add, as_type, rooted

METRIC, FUNCTIONAL = "CosineSimilarity", "cosine_similarity"


def vectors(name: str, counts=(5, 1, 8), columns: int = 3) -> list:
    """Draw batches of rows."""
    draws = Draws(f"regression/cosine/{name}")
    return [{side: draws.values((n, columns)) for side in ("preds", "target")} for n in counts]


def exact(batches: list, reduction: str = "sum") -> torch.Tensor:
    """Compute the value from exact products."""
    values = []
    for batch in batches:
        for row in zip(*(batch[side].double().tolist() for side in ("preds", "target"))):
            x, y = ([Fraction(v) for v in side] for side in row)
            dot = sum(a * b for a, b in zip(x, y))
            values.append(rooted(dot * dot / (sum(a * a for a in x) * sum(b * b for b in y))) * (1 if dot >= 0 else -1))
    if reduction == "none":
        return torch.tensor(values, dtype=torch.float32)
    return torch.tensor(sum(values) / (len(values) if reduction == "mean" else 1), dtype=torch.float32)


def write(stem: Stem) -> None:
    """Write the topic's cases."""
    refuse = lambda name, options, word, batches=(), **more: stem.refuse(Misuse(f"{METRIC}/{name}", METRIC, options, word, list(batches), **more))
    for value in ("max", "", "elementwise_mean"):
        refuse(f"reduction={value!r}", {"reduction": value}, "reduction")
    ones = lambda *shape: {"preds": torch.ones(shape), "target": torch.ones(shape)}
    refuse("unknown option", {"reductions": "mean"}, "reductions")
    refuse("vectors", {}, "two dimensions", [ones(3)])
    refuse("three dimensions", {}, "two dimensions", [ones(3, 2, 2)])
    refuse("rows that differ", {}, "shape", [{"preds": torch.ones(3, 2), "target": torch.ones(4, 2)}])
    refuse("columns that differ", {}, "shape", [{"preds": torch.ones(3, 2), "target": torch.ones(3, 1)}])
    refuse("no target", {}, "target", [{"preds": torch.ones(3, 2)}])

    def case(name: str, options: dict, batches: list, **more) -> None:
        rows = "permutes" if options.get("reduction", "sum") in ("none", None) else "invariant"
        add(stem, Case(f"{METRIC}/{name}", METRIC, options, batches, **{"tolerance": TOLERANCE, "functional": FUNCTIONAL, "rows": rows, **more}))

    for reduction in ("sum", "mean", "none", None):
        case(f"reduction={reduction}", {"reduction": reduction}, vectors("reduction"))
    for columns in (1, 2, 7, 8, 9, 40):
        case(f"{columns} columns", {"reduction": "mean"}, vectors("columns", (6, 3), columns))
    valid = [torch.tensor([True, False, True, True, False]), torch.tensor([True]), torch.tensor([False, True] * 4)]
    for reduction in ("mean", "none"):
        case(f"rows that do not count, reduction={reduction}", {"reduction": reduction}, vectors("valid"), valid=valid, functional=None)
        case(f"an empty batch, reduction={reduction}", {"reduction": reduction}, vectors("empty", (4, 0, 3)))
    draws = Draws("regression/cosine/many")
    many = [{side: draws.recalled("values", (n, 8)) for side in ("preds", "target")} for n in (5000, 7)]
    case("more rows than a thread takes", {"reduction": "mean"}, many, excludes=TOO_MANY)
    case("rows of 0", {"reduction": "none"}, [{"preds": torch.tensor([[0.0, 0.0], [1.0, 2.0]]), "target": torch.tensor([[1.0, 2.0], [3.0, 2.0]])}], excludes=NO_SLOPE)
    case("NaN", {"reduction": "none"}, [{"preds": torch.tensor([[0.5, NAN], [1.0, 2.0]]), "target": torch.tensor([[1.0, 2.0], [3.0, 2.0]])}], excludes=NO_SLOPE)
    case("int64", {}, as_type(vectors("int64"), torch.int64, torch.int64))
    case("float16 and float32", {}, as_type(vectors("halves"), torch.float16, torch.float32))
    case("float16", {}, as_type(vectors("halves"), torch.float16, torch.float16))
    by = {"forward_by": lambda b: exact([b]), "final_by": exact, "reference": EXACT}
    large = [{"preds": b["preds"] * 1e30, "target": b["target"] * 1e-25} for b in vectors("large")]
    case("squares past float32", {}, large, reason=IN_FLOAT32, excludes={"gradients": "the step of the differences is lost to rounding in inputs of this size"}, **by)
    stem.require(METRIC, {"reduction": ["sum", "mean", "none", None]})
